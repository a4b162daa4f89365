#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/config/configuration.h"

namespace sluice::cli {

/// Returns the names of the configurable options of a command, without dashes: all but --help and
/// the options that select the configuration.
std::vector<std::string> configurable(const CLI::App& command);

/// Whether the option takes no value.
bool is_flag(const CLI::Option& option);

/// Sets options of `command` that its command line did not give to their configured values. Options
/// that exclude each other are decided together, and so are the filters: if a place of higher
/// precedence sets one of them, all places of lower precedence are ignored for the others. Skips an
/// option that needs another option that was not given. Returns the applied values, one entry for
/// each option. Errors, usage, with the origin: an invalid value; one place sets options that
/// exclude each other.
Result<std::vector<ConfiguredOption>> apply(CLI::App& command, const Configuration& configuration);

}  // namespace sluice::cli
