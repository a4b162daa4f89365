#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/sluice/config/config_file.h"

namespace sluice::cli {

/// Where the value of an option comes from, the first that has one: in this order.
enum class ConfigPlace {
  command_line,
  environment,     ///< SLUICE_OPTION_NAME
  user_profile,    ///< the profile in the user's file
  system_profile,  ///< the profile in the system's file
  user_file,
  system_file,
  standard,  ///< nobody has set it
};
/// "command line", "environment", "profile" (of either file), "user file", "system file",
/// "default".
const char* to_string(ConfigPlace place);

/// What one place says of an option.
struct ConfiguredOption {
  std::string option;               ///< without its dashes
  std::vector<std::string> values;  ///< in their order; "true" or "false" for a flag
  bool boolean = false;             ///< it was written as one
  ConfigPlace place = ConfigPlace::standard;
  std::string file;        ///< of a file
  std::size_t line = 0;    ///< of a file
  std::string variable{};  ///< of the environment

  /// "/etc/sluice.toml, line 3", "the environment variable SLUICE_POOL".
  std::string origin() const;
};

/// What the person who runs it chose.
struct ConfigChoice {
  std::string file;     ///< --config, instead of the user's file; empty for none
  std::string profile;  ///< --profile; empty for none
};

/// The options of the program's commands, for the check of the files.
struct KnownOptions {
  std::function<bool(std::string_view command)> command;
  /// Whether the command has the option and lets it be configured; any command where `command` is
  /// empty.
  std::function<bool(std::string_view command, std::string_view option)> option;
};

/// What the environment and the configuration files say. Not changed once it is loaded: any thread.
class Configuration {
 public:
  /// Reads the user's file ($XDG_CONFIG_HOME/sluice/config.toml or ~/.config/sluice/config.toml,
  /// unless `choice`, then SLUICE_CONFIG, name another) and the system's (/etc/sluice.toml, unless
  /// SLUICE_SYSTEM_CONFIG names another). The profile is `choice`'s, then SLUICE_PROFILE's.
  /// Errors, usage: a file that cannot be read, or one that was named and does not exist;
  /// parse_config()'s; an option or a command that does not exist, with the line; a profile that is
  /// in neither file. Reads the environment: not while another thread changes it.
  static Result<Configuration> load(const ConfigChoice& choice, const KnownOptions& known);

  /// What is said of the options of a command: the highest place first, as ConfigPlace has them;
  /// within a file, what its [command] says comes before the rest, else in the file's order.
  /// `options`: their names without dashes.
  std::vector<ConfiguredOption> of(std::string_view command,
                                   const std::vector<std::string>& options) const;

  /// A file that was looked for.
  struct File {
    ConfigPlace place;
    std::string path;  ///< empty where there is no home directory to look in
    bool exists = false;
  };
  const std::vector<File>& files() const { return files_; }
  const std::string& profile() const { return profile_; }

 private:
  /// Reads `path` into the file of `place`. `named`: it must exist.
  Result<void> read(ConfigPlace place, const std::string& path, bool named);

  std::string profile_;
  std::vector<File> files_;
  std::vector<std::pair<ConfigPlace, ConfigFile>> read_;  ///< user's, system's
};

/// "limit-rate" as SLUICE_LIMIT_RATE.
std::string variable_of(std::string_view option);

}  // namespace sluice::cli
