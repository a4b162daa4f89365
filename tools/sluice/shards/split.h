#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::cli {

/// A file to assign to a shard.
struct ShardFile {
  std::uint64_t bytes = 0;
  std::string group;  ///< files with the same text are in one shard; empty: no restriction
};

/// Divides the files into at most `shards` (at least 1) shards of about the same number of bytes:
/// in descending size, each file goes to the smallest shard so far. Returns the indexes of the
/// files of each shard, in order. No shard is empty, so there may be fewer. Deterministic. Pure.
std::vector<std::vector<std::size_t>> split_into_shards(const std::vector<ShardFile>& files,
                                                        std::size_t shards);

}  // namespace sluice::cli
