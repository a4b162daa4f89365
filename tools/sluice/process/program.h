#pragma once

#include <string>
#include <vector>

#include "io/result.h"

/// Running this and other programs.
namespace sluice::cli {

/// Returns the path for starting this program again: SLUICE_PROGRAM, which the launcher of a bundle
/// sets, or the target of /proc/self/exe. Error failed: neither is available.
Result<std::string> program_path();

/// Runs the program `words[0]`, found by PATH, without SLUICE_TOKEN in its environment, and waits
/// for its end. Returns the first 64 KiB of its standard output; its standard error is that of this
/// process. Error failed: the program cannot be started, or did not exit with 0.
Result<std::string> output_of(const std::vector<std::string>& words);

}  // namespace sluice::cli
