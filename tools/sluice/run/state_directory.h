#pragma once

#include <string>

#include "io/result.h"
#include "tools/sluice/run/upload_options.h"

namespace sluice::cli {

/// The state directory that the options mean. Error usage where there is no usual place (no home
/// directory), or empty if no journal is wanted.
Result<std::string> state_dir(const UploadOptions& options);

/// " --state-dir DIR" for the commands that messages advise; empty where the option was not given.
std::string state_dir_argument(const std::string& state_dir);

/// The same for who only looks. Error usage also where one that was named is not there, as a
/// mistyped one would have nothing unfinished in it.
Result<std::string> existing_state_dir(const UploadOptions& options);

}  // namespace sluice::cli
