#pragma once

#include <string>

#include "engine/http/network_options.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {

/// The options of `sluice check`.
struct CheckOptions {
  std::string dataset;  ///< empty: check the server only
  std::string system;   ///< empty: not given
  std::string url;      ///< empty: not given
  std::string token_file;
  TokenFileMode token_file_mode = TokenFileMode::strict;
  std::string file;       ///< a file for the disk test; empty: no disk test
  std::string state_dir;  ///< empty: the default directory
  bool insecure_http = false;
  NetworkOptions network;
  bool json = false;
};

/// Reports within ten seconds whether an upload would work, and its maximum rate. Changes nothing.
/// Returns the exit code that `sluice put` would have for the first problem.
int check(const CheckOptions& options);

}  // namespace sluice::cli
