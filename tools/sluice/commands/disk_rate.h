#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "io/result.h"

namespace sluice::cli {

struct DiskRate {
  double bytes_per_second = 0;
  std::uint64_t bytes = 0;  ///< bytes read
  std::string how;          ///< the read mode and the reason
};

/// Reads the file from the beginning as an upload does, until `longest` has passed or `most_bytes`
/// are read. Errors: local_file.
Result<DiskRate> measure_disk(const std::string& path, std::chrono::milliseconds longest,
                              std::uint64_t most_bytes);

}  // namespace sluice::cli
