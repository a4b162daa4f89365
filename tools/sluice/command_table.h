#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string_view>
#include <vector>

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

 private:
  CLI::App app_;
  PutOptions put_;
  RunOptions run_;
  ResumeOptions resume_;
  StatusOptions status_;
  ForgetOptions forget_;
  VerifyOptions verify_;
  CheckOptions check_;
  TokenOptions token_;
  ManifestOptions manifest_;
  std::vector<Command> commands_;
};

}  // namespace sluice::cli
