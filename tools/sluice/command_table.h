#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/sluice/config/configuration.h"
#include "tools/sluice/options.h"

namespace sluice::cli {

/// A command, and the function that does its work and returns the exit code.
struct Command {
  CLI::App* app;
  std::function<int()> work;
};

/// All commands with their options. Parsing a command line with app() fills the options, which the
/// commands' functions then read. Not thread safe; it stays where it is.
class CommandTable {
 public:
  CommandTable();
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  CLI::App& app() { return app_; }
  const std::vector<Command>& commands() const { return commands_; }
  /// The command of that name; null where there is none.
  const Command* find(std::string_view name) const;
  /// The command that a command line named; null before one was parsed.
  const Command* parsed() const;
  /// --config and --profile of the command line that was parsed.
  const ConfigChoice& choice() const { return choice_; }
  /// Which options may be in the configuration. Not after this table.
  KnownOptions known() const;
  /// Gives the options of the command that was parsed the values that `configuration` has for them.
  /// Errors as those of apply() (config/apply.h).
  Result<void> configure(const Configuration& configuration);

 private:
  /// What `batch` was given, or configured, of the options of `run`: arguments for `run`.
  std::vector<std::string> arguments_of_run() const;
  /// Who said what, for the messages about it.
  void remember_origins(const std::vector<ConfiguredOption>& applied);

  CLI::App app_;
  ConfigChoice choice_;
  PutOptions put_;
  RunOptions run_;
  BatchOptions batch_;
  ResumeOptions resume_;
  StatusOptions status_;
  ForgetOptions forget_;
  VerifyOptions verify_;
  CheckOptions check_;
  TokenOptions token_;
  ManifestOptions manifest_;
  ConfigOptions config_;
  CompletionOptions completion_;
  std::vector<Command> commands_;
};

}  // namespace sluice::cli
