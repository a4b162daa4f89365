#include "tools/sluice/completion/completed_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "tools/command_line/option_kinds.h"
#include "tools/sluice/config/apply.h"

namespace sluice::cli {
namespace {

/// Returns the first sentence of a help text, without its full stop.
std::string first_sentence(const std::string& text) {
  const std::size_t end = text.find(". ");
  std::string sentence = text.substr(0, end);
  if (end == text.npos && sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

CompletedOption::Value completed_value(const CLI::Option& option,
                                       const std::vector<std::string>& words) {
  if (is_flag(option)) return CompletedOption::Value::none;
  if (!words.empty()) return CompletedOption::Value::words;
  const std::string type = option.get_type_name();
  if (type == "FILE" || type == "PATH") return CompletedOption::Value::file;
  if (type == "DIR") return CompletedOption::Value::directory;
  return CompletedOption::Value::text;
}

CompletedOption completed_option(CLI::Option& option) {
  CompletedOption result;
  for (const std::string& name : option.get_snames()) result.flags.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) result.flags.push_back("--" + name);
  result.description = first_sentence(option.get_description());
  result.words = command_line::choices_of(option);
  result.value = completed_value(option, result.words);
  if (!is_flag(option)) result.placeholder = option.get_type_name();
  result.repeatable = option.get_trigger_on_parse();
  return result;
}

/// Adds the options of `app` that are missing in `options`.
void add_options(CLI::App& app, std::vector<CompletedOption>& options) {
  for (CLI::Option* const option : app.get_options()) {
    if (!option->nonpositional() || option == app.get_help_ptr() || option == app.get_version_ptr())
      continue;
    CompletedOption added = completed_option(*option);
    const bool known = std::any_of(options.begin(), options.end(),
                                   [&](const auto& other) { return other.flags == added.flags; });
    if (!known) options.push_back(std::move(added));
  }
}

}  // namespace

std::vector<CompletedCommand> completed_commands(CLI::App& app) {
  std::vector<CompletedCommand> commands;
  for (CLI::App* const command : app.get_subcommands(nullptr)) {
    CompletedCommand result{.name = command->get_name(),
                            .description = first_sentence(command->get_description()),
                            .options = {},
                            .words = {}};
    add_options(*command, result.options);
    add_options(app, result.options);
    result.options.push_back(completed_option(*command->get_help_ptr()));
    for (CLI::Option* const option : command->get_options()) {
      if (!option->get_positional()) continue;
      result.words = command_line::choices_of(*option);
      break;
    }
    commands.push_back(std::move(result));
  }
  return commands;
}

}  // namespace sluice::cli
