#pragma once

#include <string>

#include "io/source.h"
#include "tools/sluice/display/console.h"

namespace sluice::cli {

/// The options of `sluice verify`.
struct VerifyOptions {
  std::string receipt;
  std::string file;
  std::string read_mode = "auto";  ///< in the format of to_string(ReadMode)
  bool json = false;
  Console::Options console;
};

/// Compares the file with the receipt: the size first, then all digests in one pass. Returns the
/// exit code: 0, 8 for a difference, 6 for an error of the file, 2 for an error of the receipt.
int verify(const VerifyOptions& options);

}  // namespace sluice::cli
