#pragma once

namespace sluice::cli {

enum class CompletionShell { bash, zsh, fish };

/// `sluice completion`, as the command line gave it.
struct CompletionOptions {
  CompletionShell shell = CompletionShell::bash;
};

/// Prints the script that lets a shell complete the command line of sluice. Returns the exit code.
int completion(const CompletionOptions& options);

}  // namespace sluice::cli
