#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/buffer_pool.h"

namespace sluice {

/// One block of a file in memory. Blocks lie on a fixed grid: block n begins at n * block size,
/// whatever offset an upload starts from, so that the same block always has the same checksum.
struct Block {
  std::uint64_t number = 0;
  std::uint64_t offset = 0;          ///< in the file
  std::span<const std::byte> bytes;  ///< inside `buffer`
  std::uint64_t checksum = 0;        ///< XXH3 (64 bits) of `bytes`, once it is checked
  Buffer buffer;
};

}  // namespace sluice
