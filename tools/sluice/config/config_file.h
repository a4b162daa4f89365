#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

namespace sluice::cli {

/// An option in a configuration file.
struct ConfigSetting {
  std::string profile;  ///< empty: not in a profile
  std::string command;  ///< empty: for every command that has the option
  std::string option;   ///< without dashes; empty for an empty table
  /// In the format of the command line; several for an array. A boolean is "true" or "false".
  std::vector<std::string> values;
  bool boolean = false;
  std::size_t line = 0;  ///< from 1
};

/// A configuration file: TOML 1.0, with option names without dashes as keys. Top-level keys apply
/// to every command that has the option, keys in [put] to that command, and keys in [profile.NAME]
/// and [profile.NAME.put] to runs with that profile.
struct ConfigFile {
  std::string path;
  std::vector<ConfigSetting> settings;  ///< in the order of the file
  std::vector<std::string> profiles;    ///< names, including those of empty profiles
};

/// Parses a configuration file. Does not check that the options and commands exist. Error usage,
/// with the line: the file is not valid TOML, or a value is not a string, integer, boolean or array
/// of strings. `path` is for messages.
Result<ConfigFile> parse_config(std::string_view text, const std::string& path);

}  // namespace sluice::cli
