#include "tools/sluice/config/configuration.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "engine/base/text.h"
#include "io/local_file.h"
#include "io/unique_fd.h"

namespace sluice::cli {
namespace {

constexpr const char* system_path = "/etc/sluice.toml";
/// The maximum size of a configuration file; a larger file was probably named by mistake.
constexpr std::size_t most_bytes = 1024 * 1024;

/// Returns the value of an environment variable; empty if not set.
std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Returns the path of the user's file; empty without a home directory.
std::string user_path() {
  // The XDG Base Directory Specification requires that relative paths are ignored.
  if (const std::string config = environment("XDG_CONFIG_HOME"); config.starts_with('/'))
    return config + "/sluice/config.toml";
  if (const std::string home = environment("HOME"); home.starts_with('/'))
    return home + "/.config/sluice/config.toml";
  return {};
}

Error cannot_read(const std::string& path, int code) {
  return errno_error(ErrorKind::usage, code, "cannot read the configuration " + printable(path));
}

/// Returns the file's text; nothing if the file does not exist and was not named.
Result<std::optional<std::string>> text_of(const std::string& path, bool named) {
  // O_NONBLOCK for the default path: a pipe there would block every run. A pipe that was named is
  // read.
  const UniqueFd fd(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | (named ? 0 : O_NONBLOCK)));
  if (!fd && !named && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>();
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0) return cannot_read(path, errno);
  if (!named && !S_ISREG(facts.st_mode))
    return Error{ErrorKind::usage,
                 fmt::format("cannot read the configuration {}: it is {}, not a regular file",
                             printable(path), kind_of_file(facts.st_mode))};
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path, errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > most_bytes) return cannot_read(path, EFBIG);
  }
}

Error unknown(const ConfigFile& file, const ConfigSetting& setting, const std::string& what) {
  return {.kind = ErrorKind::usage,
          .message = fmt::format("cannot use the configuration {}, line {}: {}",
                                 printable(file.path), setting.line, what)};
}

Result<void> check(const ConfigFile& file, const KnownOptions& known) {
  for (const ConfigSetting& setting : file.settings) {
    const std::string command = printable(setting.command);
    if (!setting.command.empty() && !known.command(setting.command))
      return unknown(file, setting, fmt::format("[{}] is not a command of sluice", command));
    if (setting.option.empty()) continue;
    if (!known.option(setting.command, setting.option))
      return unknown(file, setting,
                     fmt::format("'{}' is not an option of {} that can be configured",
                                 printable(setting.option),
                                 command.empty() ? "any command" : "sluice " + command));
  }
  return {};
}

}  // namespace

const char* to_string(ConfigPlace place) {
  switch (place) {
    case ConfigPlace::command_line:
      return "command line";
    case ConfigPlace::environment:
      return "environment";
    case ConfigPlace::user_profile:
    case ConfigPlace::system_profile:
      return "profile";
    case ConfigPlace::user_file:
      return "user file";
    case ConfigPlace::system_file:
      return "system file";
    case ConfigPlace::standard:
      return "default";
  }
  return "default";
}

std::string variable_of(std::string_view option) {
  std::string variable = "SLUICE_";
  for (const char c : option)
    variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return variable;
}

std::string ConfiguredOption::origin() const {
  return variable.empty() ? fmt::format("{}, line {}", printable(file), line)
                          : "the environment variable " + variable;
}

Result<void> Configuration::read(ConfigPlace place, const std::string& path, bool named) {
  files_.push_back({place, path});
  if (path.empty()) return {};
  TRY_ASSIGN(const std::optional<std::string> text, text_of(path, named));
  if (!text) return {};
  files_.back().exists = true;
  TRY_ASSIGN(ConfigFile file, parse_config(*text, path));
  read_.emplace_back(place, std::move(file));
  return {};
}

Result<Configuration> Configuration::load(const ConfigChoice& choice, const KnownOptions& known) {
  Configuration loaded;
  const std::string named = choice.file.empty() ? environment("SLUICE_CONFIG") : choice.file;
  TRY(loaded.read(ConfigPlace::user_file, named.empty() ? user_path() : named, !named.empty()));
  const std::string system = environment("SLUICE_SYSTEM_CONFIG");
  TRY(loaded.read(ConfigPlace::system_file, system.empty() ? system_path : system,
                  !system.empty()));
  std::vector<std::string> profiles;
  for (const auto& [place, file] : loaded.read_) {
    TRY(check(file, known));
    profiles.insert(profiles.end(), file.profiles.begin(), file.profiles.end());
  }
  loaded.profile_ = choice.profile.empty() ? environment("SLUICE_PROFILE") : choice.profile;
  if (!loaded.profile_.empty() &&
      std::find(profiles.begin(), profiles.end(), loaded.profile_) == profiles.end()) {
    std::sort(profiles.begin(), profiles.end());
    profiles.erase(std::unique(profiles.begin(), profiles.end()), profiles.end());
    std::string text =
        fmt::format("no configuration file has a profile '{}'; ", printable(loaded.profile_));
    text += profiles.empty()
                ? "no profile is configured"
                : "the profiles are: " + printable(fmt::format("{}", fmt::join(profiles, ", ")));
    return Error{ErrorKind::usage, text};
  }
  return loaded;
}

std::vector<ConfiguredOption> Configuration::of(std::string_view command,
                                                const std::vector<std::string>& options) const {
  std::vector<ConfiguredOption> settings;
  for (const std::string& option : options)
    if (const std::string value = environment(variable_of(option).c_str()); !value.empty())
      settings.push_back(
          {option, {value}, false, ConfigPlace::environment, {}, 0, variable_of(option)});
  const auto add = [&](ConfigPlace place, const ConfigFile& file, const std::string& profile) {
    for (const bool of_command : {true, false})
      for (const ConfigSetting& setting : file.settings) {
        if (setting.profile != profile || setting.command != (of_command ? command : "") ||
            std::find(options.begin(), options.end(), setting.option) == options.end())
          continue;
        const bool decided =
            !of_command && std::any_of(settings.begin(), settings.end(), [&](const auto& other) {
              return other.place == place && other.option == setting.option;
            });
        if (!decided)
          settings.push_back(
              {setting.option, setting.values, setting.boolean, place, file.path, setting.line});
      }
  };
  if (!profile_.empty())
    for (const auto& [place, file] : read_)
      add(place == ConfigPlace::user_file ? ConfigPlace::user_profile : ConfigPlace::system_profile,
          file, profile_);
  for (const auto& [place, file] : read_) add(place, file, {});
  return settings;
}

}  // namespace sluice::cli
