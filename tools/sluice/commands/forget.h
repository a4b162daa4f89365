#pragma once

#include <string>
#include <vector>

#include "engine/http/network_options.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {

/// `sluice forget`, as the command line gave it.
struct ForgetOptions {
  std::string state_dir;  ///< empty: the usual place
  std::string dataset;
  std::vector<std::string> names;
  bool registered = false;  ///< the files are listed on the dataset's page
  std::string token_file;   ///< empty: as `sluice resume` finds it
  TokenFileMode token_file_mode = TokenFileMode::strict;
  bool insecure_http = false;
  NetworkOptions network;
};

/// Gives unfinished uploads up: what a tus server has of it is deleted there, and the journal
/// drops it, also where the server cannot be told; with `registered` the journal has it as
/// registered from then on, so that the same command does not upload it again. Of a phased one
/// nothing is deleted, as nothing can be without harm to others (protocol section 1.4), nor of one
/// that may be registered.
///
/// Returns the exit code: once it is forgotten, that of what kept the server from deleting it.
int forget(const ForgetOptions& options);

}  // namespace sluice::cli
