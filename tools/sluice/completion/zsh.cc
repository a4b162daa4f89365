#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/sluice/completion/scripts.h"

namespace sluice::cli {
namespace {

/// Returns `text` in single quotes, with backslashes before the special characters of _arguments.
std::string zsh_quoted(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\')
      result += std::string("\\") + c;
    else
      result += c;
  }
  return result;
}

std::string zsh_action(const CompletedOption& option) {
  switch (option.value) {
    case CompletedOption::Value::words:
      return fmt::format("({})", fmt::join(option.words, " "));
    case CompletedOption::Value::file:
      return "_files";
    case CompletedOption::Value::directory:
      return "_files -/";
    case CompletedOption::Value::none:
    case CompletedOption::Value::text:
      return " ";
  }
  return {};
}

/// Returns one line for each name of the option; a long name accepts its value after '=', too.
std::string lines_of(const CompletedOption& option) {
  std::string text;
  for (const std::string& flag : option.flags) {
    const bool value = option.value != CompletedOption::Value::none;
    const std::string name = flag + (value && flag.starts_with("--") ? "=" : "");
    const std::string others = fmt::format("({})", fmt::join(option.flags, " "));
    text += fmt::format("        '{}{}[{}]", option.repeatable ? "*" : others, name,
                        zsh_quoted(option.description));
    if (value) text += fmt::format(":{}:{}", option.placeholder, zsh_action(option));
    text += "' \\\n";
  }
  return text;
}

}  // namespace

std::string zsh_completion(const std::vector<CompletedCommand>& commands) {
  std::string text =
      "#compdef sluice\n"
      "# zsh completion of sluice; written by: sluice completion zsh\n"
      "_sluice() {\n"
      "  local curcontext=$curcontext state line\n"
      "  typeset -A opt_args\n"
      "  _arguments -C \\\n"
      "    '(--config)--config=[Configuration to read]:FILE:_files' \\\n"
      "    '(--profile)--profile=[Profile of the configuration]:NAME: ' \\\n"
      "    '(-h --help)'{-h,--help}'[Print the commands and exit]' \\\n"
      "    '--version[Print the version and exit]' \\\n"
      "    '1:command:->command' '*::argument:->arguments'\n"
      "  case $state in\n"
      "    command)\n"
      "      local -a commands=(\n";
  for (const CompletedCommand& command : commands)
    text += fmt::format("        '{}:{}'\n", command.name, zsh_quoted(command.description));
  text +=
      "      )\n"
      "      _describe command commands ;;\n"
      "    arguments)\n"
      "      case $words[1] in\n";
  for (const CompletedCommand& command : commands) {
    text += fmt::format("      {})\n      _arguments -S \\\n", command.name);
    for (const CompletedOption& option : command.options) text += lines_of(option);
    if (!command.words.empty())
      text += fmt::format("        '1: :({})' \\\n", fmt::join(command.words, " "));
    text += "        '*:file:_files' ;;\n";
  }
  return text +
         "      esac ;;\n"
         "  esac\n"
         "}\n"
         "# Loaded as a function it is called now; as a script it is registered.\n"
         "if [[ $funcstack[1] == _sluice ]]; then _sluice \"$@\"; else compdef _sluice sluice; "
         "fi\n";
}

}  // namespace sluice::cli
