#pragma once

namespace sluice::cli {

enum class CompletionShell { bash, zsh, fish };

/// The options of `sluice completion`.
struct CompletionOptions {
  CompletionShell shell = CompletionShell::bash;
};

/// Prints a shell's completion script for sluice. Returns the exit code.
int completion(const CompletionOptions& options);

}  // namespace sluice::cli
