#pragma once

#include <string>
#include <vector>

#include "engine/http/network_options.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {

/// The options of `sluice forget`.
struct ForgetOptions {
  std::string state_dir;  ///< empty: the default directory
  std::string dataset;
  std::vector<std::string> names;
  bool registered = false;  ///< the user has found the files on the dataset's page
  std::string token_file;   ///< empty: as for `sluice resume`
  TokenFileMode token_file_mode = TokenFileMode::strict;
  bool insecure_http = false;
  NetworkOptions network;
};

/// Abandons unfinished uploads: deletes a tus upload at its server, and marks the upload as
/// abandoned in the journal even if the server cannot be reached. With `registered`, records the
/// upload as registered instead, so that a repeated command does not upload the file again. Deletes
/// nothing of a phased upload, because that could delete another upload (protocol section 1.4), and
/// nothing of an upload that may be registered.
///
/// Returns the exit code. If the uploads were abandoned, it is that of the error that prevented the
/// deletion at the server, if any.
int forget(const ForgetOptions& options);

}  // namespace sluice::cli
