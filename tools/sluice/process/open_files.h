#pragma once

#include <cstddef>

#include "io/result.h"

/// The limit on open files (ulimit -n), and what fits into it.
namespace sluice::cli {

/// Raises the soft limit of this process to the hard one, as shells set the soft one to 1024 or
/// less and the hard one to much more.
void raise_open_files_limit();

/// How many descriptors this process may have, and how many of them are open.
struct OpenFiles {
  std::size_t limit = 0;
  std::size_t open = 0;
};
OpenFiles open_files();

/// Returns how many of `wanted` transfers (1 or more) may run at a time, where the engine is not
/// yet started. Error failed where not even one has enough. Pure.
Result<unsigned> transfers_within(const OpenFiles& files, unsigned wanted);

}  // namespace sluice::cli
