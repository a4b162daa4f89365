#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sluice::command_line {

/// Adds an option with a text value, which must not be empty: an unset shell variable must be an
/// error (--url "" must not select the production system). `type`: the placeholder in --help. A
/// `value` that is not empty is shown as the default.
CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& type, const std::string& description);

/// Adds an option with a number from `least` to `most`; both are shown in --help.
CLI::Option* add_number(CLI::App& app, const std::string& name, unsigned& value,
                        const std::string& type, unsigned least, unsigned most,
                        const std::string& description);

/// Stores the words that the option accepts, for completion scripts.
void set_choices(CLI::Option& option, const std::vector<std::string>& words);
/// Returns the words stored by set_choices(); empty without.
std::vector<std::string> choices_of(CLI::Option& option);

/// Returns the error for a word that the option does not accept: "'x' is not one of a, b, c".
CLI::ValidationError not_one_of(const std::string& option, const std::string& word,
                                const std::vector<std::string>& words);

/// Adds an option that accepts one of several words, each of which stands for a value. The word for
/// the initial value is shown as the default.
template <class Value>
CLI::Option* add_choice(CLI::App& app, const std::string& name, Value& value,
                        const std::string& type,
                        const std::vector<std::pair<std::string, Value>>& choices,
                        const std::string& description) {
  std::string word_of_default;
  std::vector<std::string> words;
  for (const auto& [word, meaning] : choices) {
    if (meaning == value) word_of_default = word;
    words.push_back(word);
  }
  CLI::Option* const option = app.add_option(
      name,
      [&value, choices, words, name](const CLI::results_t& given) {
        for (const auto& [word, meaning] : choices) {
          if (word != given.back()) continue;
          value = meaning;
          return true;
        }
        throw not_one_of(name, given.back(), words);
      },
      description);
  set_choices(*option, words);
  return option->type_name(type)->default_str(word_of_default);
}

}  // namespace sluice::command_line
