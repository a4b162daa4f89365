#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/sluice/completion/scripts.h"

namespace sluice::cli {
namespace {

std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string fish_value(const CompletedOption& option) {
  switch (option.value) {
    case CompletedOption::Value::none:
      return {};
    case CompletedOption::Value::words:
      return fmt::format(" -x -a '{}'", fmt::join(option.words, " "));
    case CompletedOption::Value::file:
      return " -r -F";
    case CompletedOption::Value::directory:
      return " -x -a '(__fish_complete_directories)'";
    case CompletedOption::Value::text:
      return " -x";
  }
  return {};
}

}  // namespace

std::string fish_completion(const std::vector<CompletedCommand>& commands) {
  std::string text =
      "# fish completion of sluice; written by: sluice completion fish\n"
      "complete -c sluice -n __fish_use_subcommand -f\n"
      "complete -c sluice -n __fish_use_subcommand -l config -r -F -d 'Configuration to read'\n"
      "complete -c sluice -n __fish_use_subcommand -l profile -x -d 'Profile of the "
      "configuration'\n"
      "complete -c sluice -n __fish_use_subcommand -s h -l help -d 'Print the commands and exit'\n"
      "complete -c sluice -n __fish_use_subcommand -l version -d 'Print the version and exit'\n";
  for (const CompletedCommand& command : commands) {
    text += fmt::format("complete -c sluice -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quoted(command.description));
    const std::string begin =
        fmt::format("complete -c sluice -n '__fish_seen_subcommand_from {}'", command.name);
    for (const CompletedOption& option : command.options) {
      text += begin;
      for (const std::string& flag : option.flags)
        text += flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1);
      text += fish_value(option) + " -d " + fish_quoted(option.description) + '\n';
    }
    if (!command.words.empty())
      text += fmt::format(
          "complete -c sluice -n '__fish_seen_subcommand_from {0}; and not "
          "__fish_seen_subcommand_from {1}' -f -a '{1}'\n",
          command.name, fmt::join(command.words, " "));
  }
  return text;
}

}  // namespace sluice::cli
