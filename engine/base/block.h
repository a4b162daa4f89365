#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/buffer_pool.h"

namespace sluice {

/// One block of a file in memory. Blocks form a fixed grid: block n begins at offset n * block
/// size, whatever offset an upload resumes from. The same block therefore always has the same
/// checksum.
struct Block {
  std::uint64_t number = 0;          ///< in the grid, from 0 on
  std::uint64_t offset = 0;          ///< of the first byte, in the file
  std::span<const std::byte> bytes;  ///< inside `buffer`
  std::uint64_t checksum = 0;        ///< XXH3 (64 bits) of `bytes`; valid after the checksum stage
  Buffer buffer;                     ///< owns the memory of `bytes`
};

}  // namespace sluice
