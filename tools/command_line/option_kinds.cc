#include "tools/command_line/option_kinds.h"

namespace sluice::command_line {
namespace {

/// The prefix of the words in the name of the validator that set_choices() adds.
const std::string choices = "choices:";

}  // namespace

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

void set_choices(CLI::Option& option, const std::vector<std::string>& words) {
  // CLI11 stores properties of an option's values in validators. This one accepts all values.
  CLI::Validator note([](std::string&) { return std::string(); }, "");
  option.check(note, choices + CLI::detail::join(words, ","));
}

std::vector<std::string> choices_of(CLI::Option& option) {
  try {
    for (int i = 0;; ++i) {
      const std::string name = option.get_validator(i)->get_name();
      if (name.starts_with(choices)) return CLI::detail::split(name.substr(choices.size()), ',');
    }
  } catch (const CLI::OptionNotFound&) {  // no more validators
    return {};
  }
}

CLI::ValidationError not_one_of(const std::string& option, const std::string& word,
                                const std::vector<std::string>& words) {
  return CLI::ValidationError(option,
                              "'" + word + "' is not one of " + CLI::detail::join(words, ", "));
}

}  // namespace sluice::command_line
