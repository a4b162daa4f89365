#pragma once

#include <cstddef>

#include "io/result.h"

/// The limit on open files (ulimit -n), and the number of transfers that it allows.
namespace sluice::cli {

/// Raises the soft limit of this process up to the hard limit: shells set soft limits of 1024 or
/// less, and much higher hard limits.
void raise_open_files_limit();

/// The limit on descriptors of this process, and the number of open ones.
struct OpenFiles {
  std::size_t limit = 0;
  std::size_t open = 0;
};
OpenFiles open_files();

/// Returns how many of `wanted` concurrent transfers (at least 1) the limit allows. Call before the
/// engine is created. Error failed if the limit allows none. Pure.
Result<unsigned> transfers_within(const OpenFiles& files, unsigned wanted);

}  // namespace sluice::cli
