#pragma once

#include <string>
#include <vector>

#include "io/result.h"
#include "tools/databankd/faults/faults.h"
#include "tools/databankd/http/http_server.h"
#include "tools/databankd/store/data_bank.h"

namespace CLI {
class App;
}

namespace sluice::databankd {

/// The command line as it was given: sizes, times and lists are still text.
struct Words {
  std::string listen = "127.0.0.1:3000";
  std::string store;
  std::vector<std::string> datasets;
  std::vector<std::string> published;
  unsigned token_lifetime = 3 * 24 * 60 * 60;  ///< seconds
  bool discard = false;
  bool rename = false;
  std::string protocols = "phased,tus,binary";
  std::string tus_extensions = TusExtensions().to_string();
  std::string tus_max_size = "2T";
  std::string tus_expires = "7d";
  std::string part_min = "0";
  bool lazy_uploads = false;
  std::string location = "absolute";
  std::string think = "0";
  std::string join_time = "0";
  unsigned threads = 0;
  std::string thread_wait = "120s";
  unsigned back_ends = 1;
  std::vector<std::string> faults;
  bool verbose = false;
  bool quiet = false;
};

/// The command line as the server understands it.
struct Options {
  std::string listen;
  DataBank::Options bank;
  std::vector<Fault> faults;
  HttpServer::Options server;
};

/// Adds all options to `app`, with their texts for --help. Parsing a command line fills `words`,
/// which must outlive `app`. tools/man/databankd.1 has the same options and defaults (tests/docs
/// compares them).
void add_options(CLI::App& app, Words& words);

/// Reads the files of tokens that `words` names. Error usage for a word that cannot be understood
/// or a file that cannot be read; a token is in no message.
Result<Options> parse_options(const Words& words);

}  // namespace sluice::databankd
