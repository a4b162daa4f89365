#include "tools/sluice/config/config_file.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/text.h"

namespace sluice::cli {
namespace {

Error error_at(const std::string& path, const toml::source_region& place, const std::string& what) {
  return {.kind = ErrorKind::usage,
          .message = fmt::format("cannot read the configuration {}, line {}: {}", printable(path),
                                 place.begin.line, printable(what))};
}

/// Returns the text of a string, integer or boolean; nothing for other types.
std::optional<std::string> scalar(const toml::node& node) {
  if (const auto* const text = node.as_string()) return text->get();
  if (const auto* const number = node.as_integer()) return std::to_string(number->get());
  if (const auto* const boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  return {};
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) { file_.path = path; }

  Result<ConfigFile> read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      if (key.str() == "profile")
        TRY(read_profiles(node));
      else
        TRY(read_entry({}, key.str(), node));
    }
    std::stable_sort(
        file_.settings.begin(), file_.settings.end(),
        [](const ConfigSetting& a, const ConfigSetting& b) { return a.line < b.line; });
    return std::move(file_);
  }

 private:
  Result<void> read_profiles(const toml::node& node) {
    const toml::table* const profiles = node.as_table();
    if (profiles == nullptr)
      return error_at(path_, node.source(), "profiles are tables: [profile.NAME]");
    for (const auto& [name, profile] : *profiles) {
      const toml::table* const table = profile.as_table();
      if (table == nullptr)
        return error_at(
            path_, profile.source(),
            fmt::format("'{0}' is not a profile, which is a table: [profile.{0}]", name.str()));
      file_.profiles.emplace_back(name.str());
      for (const auto& [key, entry] : *table)
        TRY(read_entry(std::string(name.str()), key.str(), entry));
    }
    return {};
  }

  /// Reads an option or a command's table.
  Result<void> read_entry(const std::string& profile, std::string_view key,
                          const toml::node& node) {
    const toml::table* const table = node.as_table();
    if (table == nullptr) return read_option(profile, {}, key, node);
    if (table->empty()) return note_empty_table(profile, std::string(key), *table);
    for (const auto& [option, value] : *table)
      TRY(read_option(profile, std::string(key), option.str(), value));
    return {};
  }

  /// Records an empty table, so that an unknown command in it is an error.
  Result<void> note_empty_table(const std::string& profile, const std::string& command,
                                const toml::table& table) {
    file_.settings.push_back({profile, command, {}, {}, false, table.source().begin.line});
    return {};
  }

  Result<void> read_option(const std::string& profile, const std::string& command,
                           std::string_view option, const toml::node& node) {
    ConfigSetting setting{profile, command,           std::string(option),
                          {},      node.is_boolean(), node.source().begin.line};
    if (const toml::array* const array = node.as_array()) {
      for (const toml::node& element : *array) {
        const auto* const text = element.as_string();
        if (text == nullptr)
          return error_at(path_, element.source(),
                          fmt::format("the array of '{}' must have texts only, in quotes", option));
        setting.values.push_back(text->get());
      }
    } else if (std::optional<std::string> value = scalar(node)) {
      setting.values.push_back(*std::move(value));
    } else {
      return error_at(path_, node.source(),
                      fmt::format("the value of '{}' must be a text in quotes, a whole number, "
                                  "true, false, or an array of texts",
                                  option));
    }
    file_.settings.push_back(std::move(setting));
    return {};
  }

  const std::string& path_;
  ConfigFile file_;
};

}  // namespace

Result<ConfigFile> parse_config(std::string_view text, const std::string& path) {
  // Editors on Windows write a byte order mark.
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  try {
    return Reader(path).read(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return error_at(path, error.source(), std::string(error.description()));
  }
}

}  // namespace sluice::cli
