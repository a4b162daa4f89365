#pragma once

#include <string>

#include "engine/http/network_options.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {

/// `sluice check`, as the command line gave it.
struct CheckOptions {
  std::string dataset;  ///< empty: the server alone
  std::string system;   ///< empty: none given
  std::string url;      ///< empty: none given
  std::string token_file;
  TokenFileMode token_file_mode = TokenFileMode::strict;
  std::string file;       ///< whose disk to try; empty for none
  std::string state_dir;  ///< empty: the usual place
  bool insecure_http = false;
  NetworkOptions network;
  bool json = false;
};

/// Says within ten seconds whether a deposit would work, and how fast it could be; nothing is
/// changed anywhere. Returns the exit code: that of `sluice put` for what is in the way.
int check(const CheckOptions& options);

}  // namespace sluice::cli
