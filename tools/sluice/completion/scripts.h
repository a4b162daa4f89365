#pragma once

#include <string>
#include <vector>

#include "tools/sluice/completion/completed_command.h"

namespace sluice::cli {

/// Returns completion scripts: for bash 4.2 and later without the package bash-completion; for zsh
/// as a function of compsys; for fish 3.
std::string bash_completion(const std::vector<CompletedCommand>& commands);
std::string zsh_completion(const std::vector<CompletedCommand>& commands);
std::string fish_completion(const std::vector<CompletedCommand>& commands);

}  // namespace sluice::cli
