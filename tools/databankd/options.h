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

/// The option values as given on the command line, one member for each option of databankd(1).
/// Sizes ("5M"), times ("8s") and lists ("phased,tus") are texts that parse_options() parses.
struct OptionTexts {
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

/// The parsed command line.
struct Options {
  std::string listen;
  DataBank::Options bank;
  std::vector<Fault> faults;
  HttpServer::Options server;
};

/// Adds all options to `app`, with help texts. Parsing a command line fills `words`, which must
/// outlive `app`. tools/man/databankd.1 has the same options and defaults (checked by tests/docs).
void add_options(CLI::App& app, OptionTexts& words);

/// Parses `words`, and reads the token files that it names. Error usage for an invalid value or a
/// file that cannot be read. Messages contain no token.
Result<Options> parse_options(const OptionTexts& words);

}  // namespace sluice::databankd
