#include "engine/upload/chunk_planner.h"

#include <gtest/gtest.h>

namespace sluice::chunk_planner_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t file_size = 4096 * mib;
constexpr ChunkPlanner::Time start{1000s};
const Error closed{ErrorKind::unreachable, "closed"};

/// At most `depth` pipelined chunks. The pool limits the first chunk to 2 MiB and the chunks behind
/// it to 8 MiB.
ChunkPlanner::Setting pipelining(unsigned depth) {
  return {.sizer = {}, .lookahead = {.asked = depth, .pool_bytes = 32 * mib}, .size = file_size};
}
ChunkPlanner::Setting one_by_one() {
  return pipelining(0);
}

TEST(ChunkPlanner, StartsWithDefaultLengthWithoutPipelining) {
  const ChunkPlanner planner(one_by_one());
  EXPECT_EQ(planner.depth(), 0U);
  EXPECT_EQ(planner.length(0, 0, 1), ChunkSizer::moderate);
}

TEST(ChunkPlanner, StartsWithShortChunkWhenPipelining) {
  ChunkPlanner planner(pipelining(2));
  EXPECT_EQ(planner.depth(), 2U);
  EXPECT_EQ(planner.length(0, 0, 1), 2 * mib);
  EXPECT_EQ(planner.length(2 * mib, 0, 1), 8 * mib) << "a pipelined chunk";
  EXPECT_EQ(planner.length(2 * mib, 2 * mib, 1), 2 * mib) << "the first chunk of a resumed upload";
  planner.begin_interval(start, 0);
  planner.committed(2 * mib, false, start + 1s, 0);
  EXPECT_EQ(planner.length(2 * mib, 2 * mib, 1), ChunkSizer::moderate);
}

TEST(ChunkPlanner, ShortFirstChunkHasAtLeastOneByte) {
  ChunkPlanner::Setting setting = pipelining(1);
  setting.lookahead.pool_bytes = 8;
  EXPECT_EQ(ChunkPlanner(setting).length(0, 0, 1), 1U);
}

TEST(ChunkPlanner, FixedLengthAndKeptPartsAreNotShortened) {
  ChunkPlanner::Setting asked = pipelining(2);
  asked.sizer.asked = 64 * mib;
  EXPECT_EQ(ChunkPlanner(asked).length(0, 0, 1), 64 * mib);
  ChunkPlanner::Setting kept = pipelining(2);
  kept.keeps_parts_of_chunks = true;
  EXPECT_EQ(ChunkPlanner(kept).length(0, 0, 1), ChunkSizer::moderate);
}

TEST(ChunkPlanner, ServerMinimumOverridesChecksumMaximum) {
  ChunkPlanner::Setting setting = one_by_one();
  setting.most_bytes = 3 * mib;
  const ChunkPlanner planner(setting);
  EXPECT_EQ(planner.length(0, 0, 1), 3 * mib);
  EXPECT_EQ(planner.length(0, 0, 2 * mib), 3 * mib);
  EXPECT_EQ(planner.length(0, 0, 5 * mib), 5 * mib);
}

TEST(ChunkPlanner, AddsRestOfFileToLongChunk) {
  ChunkPlanner::Setting setting = one_by_one();
  setting.keeps_parts_of_chunks = true;
  setting.sizer.kept_as_it_comes = true;
  const ChunkPlanner planner(setting);
  EXPECT_EQ(planner.length(file_size - 20 * mib, 0, 1), 20 * mib);
  EXPECT_EQ(planner.length(file_size - 40 * mib, 0, 1), ChunkSizer::moderate);
}

TEST(ChunkPlanner, DoublesLengthWhenAnswersCostTime) {
  ChunkPlanner planner(one_by_one());
  planner.begin_interval(start, 5.0);
  planner.committed(16 * mib, false, start + 1s, 5.1);
  EXPECT_EQ(planner.length(16 * mib, 16 * mib, 1), 32 * mib);
}

/// Waits before the interval or before the last confirmation do not count.
TEST(ChunkPlanner, KeepsLengthWithoutWaits) {
  ChunkPlanner planner(one_by_one());
  planner.begin_interval(start, 5.0);
  planner.committed(16 * mib, false, start + 1s, 5.0);
  EXPECT_EQ(planner.length(16 * mib, 16 * mib, 1), 16 * mib);
  planner.begin_interval(start + 10s, 9.0);  // 4 s between the chunks were idle
  planner.committed(16 * mib, false, start + 11s, 9.0);
  EXPECT_EQ(planner.length(32 * mib, 32 * mib, 1), 16 * mib);
}

TEST(ChunkPlanner, MeasuresEachChunkFromPreviousConfirmation) {
  ChunkPlanner planner(one_by_one());
  planner.begin_interval(start, 0);
  planner.committed(16 * mib, false, start + 10s, 0);
  EXPECT_EQ(planner.length(0, 0, 1), 16 * mib);
  // The wait is 4 % of the averaged interval, which doubles the length. If the first interval
  // counted twice, the wait would be 2 %, which does not.
  planner.committed(16 * mib, false, start + 11s, 0.4);
  EXPECT_EQ(planner.length(0, 0, 1), 32 * mib);
}

TEST(ChunkPlanner, LimitsGrowthWhenPipelining) {
  const auto longest = [](const ChunkPlanner::Setting& setting) {
    ChunkPlanner planner(setting);
    planner.begin_interval(start, 0);
    std::uint64_t length = 16 * mib;
    for (int second = 1; second <= 8; ++second) {
      // The rate doubles each second, so the longer chunks pay.
      planner.committed(length, false, start + std::chrono::seconds(second), second * 0.5);
      length = planner.length(0, 0, 1);
    }
    return length;
  };
  EXPECT_EQ(longest(one_by_one()), ChunkSizer::most_alone);
  EXPECT_EQ(longest(pipelining(1)), ChunkSizer::most_ahead);
  ChunkPlanner::Setting kept = pipelining(1);
  kept.keeps_parts_of_chunks = true;
  EXPECT_EQ(longest(kept), ChunkSizer::most_alone) << "such a server gets no pipelined chunks";
}

TEST(ChunkPlanner, CountsChunksAndLargestChunk) {
  ChunkPlanner planner(one_by_one());
  EXPECT_EQ(planner.chunks(), 0U);
  planner.begin_interval(start, 0);
  planner.committed(16 * mib, false, start + 1s, 0);
  planner.committed(3 * mib, true, start + 2s, 0);
  EXPECT_EQ(planner.chunks(), 2U);
  EXPECT_EQ(planner.largest_committed(), 16 * mib);
  planner.count_whole();
  EXPECT_EQ(planner.chunks(), 3U);
}

TEST(ChunkPlanner, ReportsLimitOnceAfter413) {
  ChunkPlanner planner(one_by_one());
  planner.begin_interval(start, 0);
  ASSERT_TRUE(planner.too_large(16 * mib));
  EXPECT_EQ(planner.bound(), 8 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 8 * mib);
  ASSERT_TRUE(planner.too_large(8 * mib));
  EXPECT_EQ(planner.committed(4 * mib, false, start + 1s, 0), 4 * mib);
  EXPECT_EQ(planner.committed(4 * mib, false, start + 2s, 0), std::nullopt);
}

/// A chunk that was in flight when its length was refused does not show the limit.
TEST(ChunkPlanner, ReportsNoLimitForLongerChunk) {
  ChunkPlanner planner(pipelining(2));
  planner.begin_interval(start, 0);
  ASSERT_TRUE(planner.too_large(16 * mib));
  EXPECT_EQ(planner.committed(16 * mib, false, start + 1s, 0), std::nullopt);
  EXPECT_EQ(planner.committed(8 * mib, false, start + 2s, 0), 8 * mib);
}

TEST(ChunkPlanner, ReportsNoLimitAtMinimumLength) {
  ChunkPlanner::Setting setting = one_by_one();
  setting.sizer.asked = ChunkSizer::least;
  ChunkPlanner planner(setting);
  planner.begin_interval(start, 0);
  EXPECT_FALSE(planner.too_large(ChunkSizer::least));
  EXPECT_EQ(planner.committed(ChunkSizer::least, false, start + 1s, 0), std::nullopt);
}

TEST(ChunkPlanner, HalvesLengthAfterFailure) {
  ChunkPlanner planner(one_by_one());
  planner.chunk_failed();
  EXPECT_EQ(planner.length(0, 0, 1), 8 * mib);
}

TEST(ChunkPlanner, HalvesLengthWhenServerKeptNothingOfBrokenChunk) {
  ChunkPlanner planner(one_by_one());
  planner.chunk_broke_at(100 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 16 * mib) << "the offset is not known yet";
  planner.found_offset(100 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 8 * mib);
  planner.found_offset(100 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 8 * mib) << "counted once";
}

TEST(ChunkPlanner, KeepsLengthWhenServerKeptPartOfBrokenChunk) {
  ChunkPlanner planner(one_by_one());
  planner.found_offset(0);
  EXPECT_EQ(planner.length(0, 0, 1), 16 * mib) << "no chunk has broken";
  planner.chunk_broke_at(100 * mib);
  planner.found_offset(100 * mib + 1);
  planner.found_offset(100 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 16 * mib);
}

TEST(ChunkPlanner, SendsShortChunksConcurrentlyBeforeRateIsKnown) {
  ChunkPlanner planner(pipelining(3));
  EXPECT_EQ(planner.streams(0, 8 * mib, start), 4U);
  EXPECT_EQ(planner.streams(0, 8 * mib + 1, start), 1U);
}

TEST(ChunkPlanner, SendsConcurrentlyAtHighRate) {
  ChunkPlanner planner(pipelining(3));
  EXPECT_EQ(planner.streams(500 * mib, 64 * mib, start), 1U);
  // At 3.2 MiB/s or more the pool is sent in ten seconds.
  EXPECT_EQ(planner.streams(504 * mib, 64 * mib, start + 1s), 4U);
  EXPECT_EQ(planner.streams(504 * mib, 8 * mib, start + 2s), 1U) << "2 MiB/s";
}

TEST(ChunkPlanner, DiscardsRateOfSetup) {
  ChunkPlanner planner(pipelining(3));
  planner.streams(0, 8 * mib, start);
  ASSERT_EQ(planner.streams(mib, 8 * mib, start + 1s), 1U);
  planner.setup_ended();
  EXPECT_EQ(planner.streams(mib, 8 * mib, start + 1s), 4U);
}

TEST(ChunkPlanner, DisablesPipeliningAfterTwoConsecutiveFailures) {
  ChunkPlanner planner(pipelining(2));
  EXPECT_FALSE(planner.pipelining_failed(closed, true));
  EXPECT_EQ(planner.depth(), 2U);
  EXPECT_TRUE(planner.pipelining_failed(closed, true));
  EXPECT_EQ(planner.depth(), 0U);
}

TEST(ChunkPlanner, ConfirmedPipelinedChunkResetsFailures) {
  for (const bool was_pipelined : {true, false}) {
    ChunkPlanner planner(pipelining(2));
    planner.begin_interval(start, 0);
    planner.pipelining_failed(closed, true);
    planner.committed(16 * mib, was_pipelined, start + 1s, 0);
    EXPECT_EQ(planner.pipelining_failed(closed, true), !was_pipelined);
  }
}

TEST(ChunkPlanner, PipelinesAfterMeasuringRoundTrip) {
  ChunkPlanner::Setting setting = one_by_one();
  setting.lookahead.asked.reset();
  ChunkPlanner planner(setting);
  EXPECT_EQ(planner.depth(), 0U);
  Answer answer;
  answer.network = {.since_sent = 60ms, .round_trip = 50ms};
  planner.answered(answer);
  EXPECT_GT(planner.depth(), 0U);
}

TEST(ChunkPlanner, RemembersLargerConfirmedLength) {
  ChunkPlanner planner(one_by_one());
  EXPECT_EQ(planner.worth_remembering(), 0U);
  planner.begin_interval(start, 0);
  planner.committed(16 * mib, false, start + 1s, 0.5);
  EXPECT_EQ(planner.worth_remembering(), 0U) << "the initial length";
  planner.committed(32 * mib, false, start + 2s, 1.0);
  EXPECT_EQ(planner.worth_remembering(), 32 * mib);
}

}  // namespace
}  // namespace sluice::chunk_planner_test
