#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

/// An option for a completion script.
struct CompletedOption {
  enum class Value { none, words, file, directory, text };
  std::vector<std::string> flags;  ///< "-q", "--quiet"
  std::string description;         ///< the first sentence, without its full stop
  Value value = Value::none;
  std::string placeholder;         ///< "SIZE"; empty without a value
  std::vector<std::string> words;  ///< for Value::words
  bool repeatable = false;         ///< may be given several times
};

/// A command for a completion script.
struct CompletedCommand {
  std::string name;
  std::string description;
  std::vector<CompletedOption> options;  ///< including those of every command
  /// The possible values of the first argument; empty for any. All other arguments are files.
  std::vector<std::string> words;
};

/// Returns the subcommands of `app`, the parser of the whole command line, in their order.
std::vector<CompletedCommand> completed_commands(CLI::App& app);

}  // namespace sluice::cli
