#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/sluice/config/configuration.h"

namespace sluice::cli {

/// An option of a command, as `sluice config show` prints it.
struct ShownOption {
  std::string option;                ///< "--limit-rate"
  std::optional<std::string> value;  ///< nothing where it has none by default; no password in it
  ConfigPlace place = ConfigPlace::standard;
  std::string origin;    ///< "/etc/sluice.toml, line 3"; empty for the command line and defaults
  std::string file;      ///< of a file
  std::size_t line = 0;  ///< of a file
};

/// The options of `command`, as its command line and `applied`, which apply() returned, have set
/// them.
std::vector<ShownOption> shown_options(const CLI::App& command,
                                       const std::vector<ConfiguredOption>& applied);

/// An address without the password in it: "https://user:***@host".
std::string without_password(std::string text);

}  // namespace sluice::cli
