#pragma once

#include <string>

#include "io/result.h"
#include "tools/sluice/run/upload_options.h"

namespace sluice::cli {

/// Returns the state directory of the options; empty without a default directory if no journal is
/// wanted. Error usage: no default directory (no home directory).
Result<std::string> state_dir(const UploadOptions& options);

/// Returns " --state-dir DIR" for commands in messages; empty if the option was not given.
std::string state_dir_argument(const std::string& state_dir);

/// The same for commands that only read. Error usage also if a directory was given and does not
/// exist, because a misspelled one would seem to have no unfinished uploads.
Result<std::string> existing_state_dir(const UploadOptions& options);

}  // namespace sluice::cli
