#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/sluice/config/config_file.h"

namespace sluice::cli {

/// The origin of an option's value, in descending order of precedence.
enum class ConfigPlace {
  command_line,
  environment,     ///< SLUICE_OPTION_NAME
  user_profile,    ///< the profile in the user's file
  system_profile,  ///< the profile in the system's file
  user_file,
  system_file,
  standard,  ///< the default
};
/// Returns "command line", "environment", "profile" (of either file), "user file", "system file" or
/// "default".
const char* to_string(ConfigPlace place);

/// The value of an option in one place.
struct ConfiguredOption {
  std::string option;               ///< without dashes
  std::vector<std::string> values;  ///< in order; "true" or "false" for a flag
  bool boolean = false;             ///< written as a boolean
  ConfigPlace place = ConfigPlace::standard;
  std::string file;        ///< empty if not from a file
  std::size_t line = 0;    ///< 0 if not from a file
  std::string variable{};  ///< empty if not from the environment

  /// Returns "/etc/sluice.toml, line 3" or "the environment variable SLUICE_POOL".
  std::string origin() const;
};

/// The configuration that the user selected.
struct ConfigChoice {
  std::string file;     ///< --config, replaces the user's file; empty: not given
  std::string profile;  ///< --profile; empty: not given
};

/// The commands and options that exist, for checking the files.
struct KnownOptions {
  std::function<bool(std::string_view command)> command;
  /// Whether the command has that configurable option; any command if `command` is empty.
  std::function<bool(std::string_view command, std::string_view option)> option;
};

/// The settings of the environment and the configuration files. Immutable after load(): any thread.
class Configuration {
 public:
  /// Reads the user's file and the system's file. The user's file is that of `choice`, else of
  /// SLUICE_CONFIG, else $XDG_CONFIG_HOME/sluice/config.toml or ~/.config/sluice/config.toml; the
  /// system's file is that of SLUICE_SYSTEM_CONFIG, else /etc/sluice.toml. The profile is that of
  /// `choice`, else of SLUICE_PROFILE. Errors, usage: a file cannot be read, or was named and does
  /// not exist; those of parse_config(); an unknown option or command, with the line; the profile
  /// is in neither file. Reads the environment: no other thread may change it meanwhile.
  static Result<Configuration> load(const ConfigChoice& choice, const KnownOptions& known);

  /// Returns the settings for options of a command, in descending order of precedence
  /// (ConfigPlace). Within a file, settings of [command] come first; otherwise they are in the
  /// order of the file. `options`: names without dashes.
  std::vector<ConfiguredOption> of(std::string_view command,
                                   const std::vector<std::string>& options) const;

  /// A configuration file that load() looked for.
  struct File {
    ConfigPlace place;
    std::string path;  ///< empty if there is no home directory
    bool exists = false;
  };
  const std::vector<File>& files() const { return files_; }
  const std::string& profile() const { return profile_; }

 private:
  /// Reads `path` as the file of `place`. `named`: the file must exist.
  Result<void> read(ConfigPlace place, const std::string& path, bool named);

  std::string profile_;
  std::vector<File> files_;
  std::vector<std::pair<ConfigPlace, ConfigFile>> read_;  ///< the user's, the system's
};

/// Returns the environment variable of an option: SLUICE_LIMIT_RATE for "limit-rate".
std::string variable_of(std::string_view option);

}  // namespace sluice::cli
