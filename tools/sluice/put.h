#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/source.h"
#include "tools/sluice/console.h"

namespace sluice::cli {

/// `sluice put`, as the command line gave it; sizes and rates still as text.
struct PutOptions {
  std::string dataset;
  std::vector<std::string> files;
  std::string system;  ///< production, demo, local; empty: none given
  std::string url;     ///< empty: none given
  std::string token_file;
  std::string name;
  ReadMode read_mode = ReadMode::automatic;
  std::string pool = "64M";
  std::string block = "4M";
  std::string chunk = "64M";
  std::string limit_rate;
  unsigned stall_timeout = 60;    ///< seconds
  unsigned response_timeout = 0;  ///< seconds; 0: the engine's
  bool insecure_http = false;
  bool json = false;
  bool dry_run = false;
  Console::Options console;
};

/// Uploads the files one after the other and returns the exit code. Everything that can be checked
/// without the server is checked for all files before anything is sent.
int put(const PutOptions& options);

}  // namespace sluice::cli
