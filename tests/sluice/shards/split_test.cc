#include "tools/sluice/shards/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sluice::cli::split_test {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

std::vector<ShardFile> of_sizes(const std::vector<std::uint64_t>& sizes) {
  std::vector<ShardFile> files;
  for (const std::uint64_t size : sizes) files.push_back({.bytes = size, .group = {}});
  return files;
}

TEST(Split, DividesByBytes) {
  EXPECT_THAT(split_into_shards(of_sizes({gib, 9 * gib, 2 * gib, 3 * gib, 3 * gib}), 2),
              ElementsAre(ElementsAre(1), ElementsAre(0, 2, 3, 4)));
}

TEST(Split, DividesEmptyFiles) {
  for (const auto& shard : split_into_shards(of_sizes(std::vector<std::uint64_t>(100)), 4))
    EXPECT_THAT(shard, SizeIs(25));
}

TEST(Split, KeepsFilesTogether) {
  std::vector<ShardFile> files = of_sizes({gib, gib, gib, gib, gib, gib});
  for (const std::size_t i : {0U, 3U, 5U}) files[i].group = "IDB-1";
  EXPECT_THAT(split_into_shards(files, 3),
              ElementsAre(ElementsAre(0, 3, 5), ElementsAre(1, 4), ElementsAre(2)));
}

TEST(Split, MakesNoEmptyShard) {
  EXPECT_THAT(split_into_shards(of_sizes({1, 2}), 5), SizeIs(2));
  std::vector<ShardFile> files = of_sizes({1, 2, 3});
  for (ShardFile& file : files) file.group = "IDB-1";
  EXPECT_THAT(split_into_shards(files, 5), ElementsAre(ElementsAre(0, 1, 2)));
}

TEST(Split, IsCompleteAndDeterministic) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100; ++i) {
    std::vector<ShardFile> files(1 + random() % 50);
    std::uint64_t largest = 0;
    std::uint64_t all = 0;
    for (ShardFile& file : files) {
      file.bytes = random() % (100 * gib);
      largest = std::max(largest, file.bytes);
      all += file.bytes;
    }
    const std::size_t shards = 1 + random() % 10;
    const auto split = split_into_shards(files, shards);
    EXPECT_EQ(split, split_into_shards(files, shards));
    std::vector<std::size_t> seen;
    for (const auto& shard : split) {
      EXPECT_FALSE(shard.empty());
      std::uint64_t bytes = 0;
      for (const std::size_t index : shard) {
        seen.push_back(index);
        bytes += files[index].bytes;
      }
      // The size of a shard exceeds the mean by at most one file, and the cost of its files.
      EXPECT_LE(bytes, all / shards + largest + files.size() * (std::uint64_t{1} << 20));
    }
    std::sort(seen.begin(), seen.end());
    for (std::size_t index = 0; index < files.size(); ++index) ASSERT_EQ(seen.at(index), index);
    EXPECT_EQ(seen.size(), files.size());
  }
}

}  // namespace
}  // namespace sluice::cli::split_test
