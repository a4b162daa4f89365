#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/sluice/config/configuration.h"
#include "tools/sluice/options.h"

namespace sluice::cli {

/// A command and the function that runs it and returns the exit code.
struct Command {
  CLI::App* app;
  std::function<int()> work;
};

/// All commands with their options. Parsing a command line with app() fills the options that the
/// commands' functions read. Not thread-safe.
class CommandTable {
 public:
  CommandTable();
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  CLI::App& app() { return app_; }
  const std::vector<Command>& commands() const { return commands_; }
  /// Returns the command of that name; null if there is none.
  const Command* find(std::string_view name) const;
  /// Returns the command that the parsed command line names; null before parsing.
  const Command* parsed() const;
  /// Returns --config and --profile of the parsed command line.
  const ConfigChoice& choice() const { return choice_; }
  /// Returns which options a configuration may contain. The result must not outlive this table.
  KnownOptions known() const;
  /// Sets the options of the parsed command to the values in `configuration`. Errors as for apply()
  /// (config/apply.h).
  Result<void> configure(const Configuration& configuration);

 private:
  /// Returns the options of `run` that were given to `batch` or configured, as arguments for `run`.
  std::vector<std::string> run_arguments() const;
  /// Records the origin of configured options, for messages about them.
  void record_origins(const std::vector<ConfiguredOption>& applied);

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
