#pragma once

#include <string>

#include "io/source.h"
#include "tools/sluice/display/console.h"

namespace sluice::cli {

/// `sluice verify`, as the command line gave it.
struct VerifyOptions {
  std::string receipt;
  std::string file;
  std::string read_mode = "auto";  ///< as to_string(ReadMode) has it
  bool json = false;
  Console::Options console;
};

/// Compares the file with the receipt: its size first, then all of its digests in one reading.
/// Returns the exit code: 0, or 8 where something differs, 6 for the file, 2 for the receipt.
int verify(const VerifyOptions& options);

}  // namespace sluice::cli
