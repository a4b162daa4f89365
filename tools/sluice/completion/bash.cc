#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/sluice/completion/scripts.h"

namespace sluice::cli {
namespace {

/// The script before the tables. bash splits --name=value into three words.
constexpr const char* head = R"(# bash completion of sluice; written by: sluice completion bash
_sluice() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  if [[ $current == '=' ]]; then
    current=
  elif [[ $previous == '=' ]]; then
    previous=${COMP_WORDS[COMP_CWORD-2]}
  fi
  local command= i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      --config|--profile) ((++i)); [[ ${COMP_WORDS[i]} != '=' ]] || ((++i)) ;;
      -*) ;;
      *) command=${COMP_WORDS[i]}; break ;;
    esac
  done
  local first=$((i + 1))
  COMPREPLY=()
)";

/// The script after the tables. `options` and `words` are those of the command.
constexpr const char* tail = R"(  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -z $command || ( -n $words && $COMP_CWORD -eq $first ) ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  else
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F _sluice sluice
)";

/// Returns the action that completes the value; empty if the value cannot be completed.
std::string bash_action(const CompletedOption& option) {
  switch (option.value) {
    case CompletedOption::Value::words:
      return fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$current\")",
                         fmt::join(option.words, " "));
    case CompletedOption::Value::file:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")";
    case CompletedOption::Value::directory:
      return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")";
    case CompletedOption::Value::none:
    case CompletedOption::Value::text:
      return {};
  }
  return {};
}

std::string bash_values(const CompletedCommand& command) {
  std::string text;
  for (const CompletedOption& option : command.options) {
    if (option.value == CompletedOption::Value::none) continue;
    std::string pattern;
    for (const std::string& flag : option.flags)
      pattern += fmt::format("{}{},{}", pattern.empty() ? "" : "|", command.name, flag);
    const std::string action = bash_action(option);
    text += fmt::format("    {}) {}return ;;\n", pattern, action.empty() ? "" : action + "; ");
  }
  return text;
}

}  // namespace

std::string bash_completion(const std::vector<CompletedCommand>& commands) {
  std::string values;
  std::string tables;
  std::string names;
  for (const CompletedCommand& command : commands) {
    values += bash_values(command);
    std::vector<std::string> flags;
    for (const CompletedOption& option : command.options)
      flags.insert(flags.end(), option.flags.begin(), option.flags.end());
    tables += fmt::format("    {}) options='{}' words='{}' ;;\n", command.name,
                          fmt::join(flags, " "), fmt::join(command.words, " "));
    names += (names.empty() ? "" : " ") + command.name;
  }
  return std::string(head) +
         "  case $command,$previous in\n"
         "    ,--config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "
         "\"$current\"); return ;;\n"
         "    ,--profile) return ;;\n" +
         values +
         "  esac\n"
         "  local options= words=\n"
         "  case $command in\n" +
         fmt::format("    '') options='--config --profile --help --version' words='{}' ;;\n",
                     names) +
         tables + "  esac\n" + tail;
}

}  // namespace sluice::cli
