#include "tools/command_line/option_kinds.h"

namespace sluice::command_line {

CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& type, const std::string& description) {
  const CLI::Validator not_empty(
      [](std::string& given) { return given.empty() ? "the value is empty" : std::string(); }, "");
  return app.add_option(name, value, description)
      ->type_name(type)
      ->default_str(value)
      ->check(not_empty);
}

CLI::Option* add_number(CLI::App& app, const std::string& name, unsigned& value,
                        const std::string& type, unsigned least, unsigned most,
                        const std::string& description) {
  return app
      .add_option(
          name, value,
          description + " Range: " + std::to_string(least) + " to " + std::to_string(most) + ".")
      ->type_name(type)
      ->default_str(std::to_string(value))
      ->check(CLI::Range(least, most).description(""));
}

CLI::ValidationError not_one_of(const std::string& option, const std::string& word,
                                const std::vector<std::string>& words) {
  return CLI::ValidationError(option,
                              "'" + word + "' is not one of " + CLI::detail::join(words, ", "));
}

}  // namespace sluice::command_line
