#include "tools/sluice/config/shown_option.h"

#include <algorithm>

#include "engine/http/http_proxy.h"
#include "tools/command_line/list_mark.h"
#include "tools/sluice/config/apply.h"

namespace sluice::cli {
namespace {

std::string values_text(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values)
    text += (text.empty() ? "" : ", ") + command_line::unmarked(value);
  return text;
}

/// Returns the default from the help text; "false" for a flag.
std::optional<std::string> default_of(const CLI::Option& option) {
  if (is_flag(option)) return "false";
  const std::string text = option.get_default_str();
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

std::string without_password(std::string text) {
  if (!has_password(text)) return text;
  const std::size_t scheme = text.find("://");
  const std::size_t colon = text.find(':', scheme == text.npos ? 0 : scheme + 3);
  return text.replace(colon + 1, text.rfind('@') - colon - 1, "***");
}

std::vector<ShownOption> shown_options(const CLI::App& command,
                                       const std::vector<ConfiguredOption>& applied) {
  std::vector<ShownOption> shown;
  for (const std::string& name : configurable(command)) {
    const CLI::Option& option = *command.get_option("--" + name);
    ShownOption line{.option = "--" + name, .value = default_of(option), .origin = {}, .file = {}};
    std::vector<std::string> values;
    for (const ConfiguredOption& setting : applied) {
      if (setting.option != name) continue;
      values.insert(values.end(), setting.values.begin(), setting.values.end());
      line.place = setting.place;
      line.origin = setting.origin();
      line.file = setting.file;
      line.line = setting.line;
    }
    if (values.empty() && option.count() > 0) {
      line.place = ConfigPlace::command_line;
      values = option.results();
    }
    if (line.place != ConfigPlace::standard)
      line.value = name == "proxy" || name == "url" ? without_password(values_text(values))
                                                    : values_text(values);
    shown.push_back(std::move(line));
  }
  return shown;
}

}  // namespace sluice::cli
