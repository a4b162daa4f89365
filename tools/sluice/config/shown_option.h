#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/sluice/config/configuration.h"

namespace sluice::cli {

/// An option of a command, as printed by `sluice config show`.
struct ShownOption {
  std::string option;                ///< "--limit-rate"
  std::optional<std::string> value;  ///< nullopt without a default; passwords are removed
  ConfigPlace place = ConfigPlace::standard;
  std::string origin;    ///< "/etc/sluice.toml, line 3"; empty for the command line and defaults
  std::string file;      ///< empty if not from a file
  std::size_t line = 0;  ///< 0 if not from a file
};

/// Returns the options of `command` as set by its command line and by `applied`, the result of
/// apply().
std::vector<ShownOption> shown_options(const CLI::App& command,
                                       const std::vector<ConfiguredOption>& applied);

/// Replaces the password in a URL: "https://user:***@host".
std::string without_password(std::string text);

}  // namespace sluice::cli
