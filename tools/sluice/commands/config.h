#pragma once

#include <string>
#include <vector>

#include "tools/sluice/config/configuration.h"

namespace sluice::cli {

enum class ConfigAction { show };

/// `sluice config`, as the command line gave it.
struct ConfigOptions {
  ConfigAction action = ConfigAction::show;
  std::string command;             ///< empty: each command
  std::vector<std::string> words;  ///< of a command line of that command, marked (list_mark.h)
  ConfigChoice choice;
  bool json = false;
};

/// Says on stdout which value each option has, and where it comes from. Returns the exit code.
int config(const ConfigOptions& options);

}  // namespace sluice::cli
