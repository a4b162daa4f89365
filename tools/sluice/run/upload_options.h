#pragma once

#include <string>
#include <string_view>

#include "engine/upload.h"
#include "io/source.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {

/// The common options of `sluice put`, `run` and `resume`; sizes, rates and durations as text.
struct UploadOptions {
  // Texts are option values as given on the command line, such as "64M" or "30s";
  // parsed_options.h parses them.
  std::string token_file;  ///< a path; "-": standard input; empty: not given
  TokenFileMode token_file_mode = TokenFileMode::strict;
  std::string token_wait;  ///< a time; empty: do not wait
  ReadMode read_mode = ReadMode::automatic;
  std::string pool = "64M";
  std::string block = "4M";
  std::string chunk = "auto";
  std::string lookahead = "auto";
  std::string lanes = "auto";
  std::string network_threads = "auto";
  VerifyChunks verify_chunks = VerifyChunks::automatic;
  std::string transfers = "auto";  ///< concurrent uploads
  bool fail_fast = false;          ///< the first failed file ends the run
  std::string limit_rate;          ///< bytes per second over all files; empty: no limit
  unsigned retries = 10;           ///< consecutive failures before an upload fails
  unsigned stall_timeout = 60;     ///< seconds
  unsigned response_timeout = 0;   ///< seconds; 0: the engine's default
  std::string register_wait;       ///< a time; empty: the engine's default
  bool insecure_http = false;
  NetworkOptions network;
  bool verify_prefix = false;
  std::string digests;    ///< in addition to XXH128: "md5,sha256"; empty: none
  std::string receipts;   ///< directory for a receipt of each file; empty: none
  std::string sums;       ///< file to append checksum lines to; empty: none
  std::string state_dir;  ///< empty: the default directory
  bool no_journal = false;
  std::string_view command;       ///< "put", for the event log
  std::string log_json;           ///< a file; empty: none
  std::string progress_interval;  ///< empty: the default of IntervalClock
  bool json = false;
  Console::Options console;
};

}  // namespace sluice::cli
