#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "io/result.h"

namespace sluice::cli {

struct DiskRate {
  double bytes_per_second = 0;
  std::uint64_t bytes = 0;  ///< that were read
  std::string how;          ///< which way, and why
};

/// Reads the file from its beginning as an upload would, for so long and no more than that.
/// Errors: local_file.
Result<DiskRate> measure_disk(const std::string& path, std::chrono::milliseconds longest,
                              std::uint64_t most_bytes);

}  // namespace sluice::cli
