#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/config/configuration.h"

namespace sluice::cli {

/// The options of a command that can be configured, without their dashes: all but --help and those
/// that say which configuration to use.
std::vector<std::string> configurable(const CLI::App& command);

/// Whether the option has no value.
bool is_flag(const CLI::Option& option);

/// Gives those options of `command` that its command line did not give the values that the
/// configuration has for them. Options that exclude each other, and the filters, go together: what
/// a higher place says of one of them stands against what a lower one says of the others. What
/// needs an option that nobody gave is left out. Returns what was applied, one entry for each
/// option. Errors, usage, with the origin: a value that the option does not take; options of one
/// place that exclude each other.
Result<std::vector<ConfiguredOption>> apply(CLI::App& command, const Configuration& configuration);

}  // namespace sluice::cli
