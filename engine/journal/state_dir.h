#pragma once

#include <string>

#include "io/result.h"

namespace sluice {

/// Where the journal and the locks are unless somebody says otherwise: $XDG_STATE_HOME/sluice if
/// that is an absolute path, else $HOME/.local/state/sluice, else (no home at all) empty. Reads the
/// environment: not while another thread changes it.
std::string default_state_dir();

/// Makes `directory` and what is missing above it, each of mode 0700, as the XDG specification
/// asks. One that exists is left as it is. Error failed, naming what could not be made. Any thread.
Result<void> make_state_dir(const std::string& directory);

/// What make_state_dir() says where `path`, it or a directory above it, is in the way.
Error cannot_make_state_dir(const std::string& path, int code);

}  // namespace sluice
