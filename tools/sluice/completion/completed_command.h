#pragma once

#include <string>
#include <vector>

#include "tools/sluice/command_table.h"

namespace sluice::cli {

/// An option, as a shell completes it.
struct CompletedOption {
  enum class Value { none, words, file, directory, text };
  std::vector<std::string> flags;  ///< "-q", "--quiet"
  std::string description;         ///< its first sentence, without the full stop
  Value value = Value::none;
  std::string placeholder;         ///< "SIZE"; empty without a value
  std::vector<std::string> words;  ///< of Value::words
  bool repeatable = false;         ///< it can be given several times
};

/// A command, as a shell completes it.
struct CompletedCommand {
  std::string name;
  std::string description;
  std::vector<CompletedOption> options;  ///< those that every command has included
  /// What its first argument may be; empty for anything. All other arguments are files.
  std::vector<std::string> words;
};

/// The commands of the table, in its order.
std::vector<CompletedCommand> completed_commands(CommandTable& table);

}  // namespace sluice::cli
