#include "tools/sluice/commands/completion.h"

#include <string>

#include "tools/sluice/completion/completed_command.h"
#include "tools/sluice/completion/scripts.h"
#include "tools/sluice/display/console.h"

namespace sluice::cli {
namespace {

std::string script(CompletionShell shell, const std::vector<CompletedCommand>& commands) {
  switch (shell) {
    case CompletionShell::bash:
      return bash_completion(commands);
    case CompletionShell::zsh:
      return zsh_completion(commands);
    case CompletionShell::fish:
      return fish_completion(commands);
  }
  return {};
}

}  // namespace

int completion(const CompletionOptions& options, CLI::App& app) {
  Console console({});
  console.report(script(options.shell, completed_commands(app)));
  return console.finish(0);
}

}  // namespace sluice::cli
