#pragma once

#include <string>

#include "io/result.h"

namespace sluice {

/// Returns the default directory of the journal and the locks: $XDG_STATE_HOME/sluice if that is an
/// absolute path, else $HOME/.local/state/sluice, else (without a home directory) an empty string.
/// Reads the environment, so no other thread may change the environment at the same time.
std::string default_state_dir();

/// Creates `directory` and its missing parents, each with mode 0700, as the XDG specification
/// requires. An existing directory is not changed. Error failed, which names the directory that
/// cannot be created. Any thread.
Result<void> make_state_dir(const std::string& directory);

/// Returns the error of make_state_dir() if `path`, the directory or one of its parents, cannot be
/// created. `code`: an errno.
Error cannot_make_state_dir(const std::string& path, int code);

}  // namespace sluice
