#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

namespace sluice::cli {

/// One option in a configuration file.
struct ConfigSetting {
  std::string profile;  ///< empty: not in a profile
  std::string command;  ///< empty: of every command that has the option
  std::string option;   ///< without its dashes; empty for an empty table
  /// As the command line would have them; several of an array. A boolean is "true" or "false".
  std::vector<std::string> values;
  bool boolean = false;
  std::size_t line = 0;  ///< from 1
};

/// A configuration file: TOML 1.0, where a key is an option without its dashes. Those at the top
/// are for every command that has the option, those in the table of a command ([put]) for that one,
/// and those in [profile.NAME] and [profile.NAME.put] for runs with that profile.
struct ConfigFile {
  std::string path;
  std::vector<ConfigSetting> settings;  ///< in the order of the file
  std::vector<std::string> profiles;    ///< names, also of those that are empty
};

/// What a configuration file says. Whether there are such options and commands is not looked at.
/// Error usage, with the line: no TOML, or a value that is no text, whole number, boolean, or array
/// of texts. `path` is for messages.
Result<ConfigFile> parse_config(std::string_view text, const std::string& path);

}  // namespace sluice::cli
