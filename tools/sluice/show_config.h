#pragma once

#include <string>
#include <vector>

#include "tools/sluice/config/configuration.h"

namespace sluice::cli {

enum class ConfigAction { show };

/// The options of `sluice config`.
struct ConfigOptions {
  ConfigAction action = ConfigAction::show;
  std::string command;             ///< empty: all commands
  std::vector<std::string> words;  ///< the command's arguments, with list marks (list_mark.h)
  ConfigChoice choice;
  bool json = false;
};

/// Prints the value of each option and its origin to stdout. Returns the exit code.
int config(const ConfigOptions& options);

}  // namespace sluice::cli
