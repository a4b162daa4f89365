#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::cli {

/// A file that is to be in some shard.
struct ShardFile {
  std::uint64_t bytes = 0;
  std::string together;  ///< files with the same text are in one shard; empty: with any
};

/// Divides the files among at most `shards` shards of about the same number of bytes: the largest
/// first, each to the shard that has least by then. Returns the indexes of each shard's files, in
/// their order; no shard is empty, so that there are fewer where there is less to divide. The same
/// files give the same shards. `shards`: at least 1. Pure.
std::vector<std::vector<std::size_t>> split_into_shards(const std::vector<ShardFile>& files,
                                                        std::size_t shards);

}  // namespace sluice::cli
