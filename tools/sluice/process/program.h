#pragma once

#include <string>
#include <vector>

#include "io/result.h"

/// This program, and others.
namespace sluice::cli {

/// The path by which this program can be started again: SLUICE_PROGRAM, which the launcher of a
/// bundle sets, or else what /proc/self/exe says. Error failed: neither.
Result<std::string> program_path();

/// Runs the program `words[0]`, found by PATH, to its end, without SLUICE_TOKEN in its environment,
/// and returns what it wrote to standard output (its first 64 KiB). What it writes to standard
/// error appears on this program's. Error failed: it cannot be started, or did not exit with 0.
Result<std::string> output_of(const std::vector<std::string>& words);

}  // namespace sluice::cli
