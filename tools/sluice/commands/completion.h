#pragma once

namespace CLI {
class App;
}

namespace sluice::cli {

enum class CompletionShell { bash, zsh, fish };

/// The options of `sluice completion`.
struct CompletionOptions {
  CompletionShell shell = CompletionShell::bash;
};

/// Prints a shell's completion script for the command line of `app`. Returns the exit code.
int completion(const CompletionOptions& options, CLI::App& app);

}  // namespace sluice::cli
