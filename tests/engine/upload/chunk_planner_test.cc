#include "engine/upload/chunk_planner.h"

#include <gtest/gtest.h>

namespace sluice::chunk_planner_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t file_size = 4096 * mib;
constexpr ChunkPlanner::Time start{1000s};
const Error closed{ErrorKind::unreachable, "closed"};

/// So many chunks may be pipelined; the pool lets the first one have 2 MiB and those behind it 8.
ChunkPlanner::Setting pipelining(unsigned depth) {
  return {.sizer = {}, .lookahead = {.asked = depth, .pool_bytes = 32 * mib}, .size = file_size};
}
ChunkPlanner::Setting one_by_one() {
  return pipelining(0);
}

TEST(ChunkPlanner, BeginsWithTheUsualLengthWhereChunksGoOneAfterTheOther) {
  const ChunkPlanner planner(one_by_one());
  EXPECT_EQ(planner.depth(), 0U);
  EXPECT_EQ(planner.length(0, 0, 1), ChunkSizer::moderate);
}

TEST(ChunkPlanner, BeginsWithAShortChunkWhereOthersFollowIt) {
  ChunkPlanner planner(pipelining(2));
  EXPECT_EQ(planner.depth(), 2U);
  EXPECT_EQ(planner.length(0, 0, 1), 2 * mib);
  EXPECT_EQ(planner.length(2 * mib, 0, 1), 8 * mib) << "one behind it";
  EXPECT_EQ(planner.length(2 * mib, 2 * mib, 1), 2 * mib) << "the first one of a resumed upload";
  planner.begin_interval(start, 0);
  planner.committed(2 * mib, false, start + 1s, 0);
  EXPECT_EQ(planner.length(2 * mib, 2 * mib, 1), ChunkSizer::moderate);
}

TEST(ChunkPlanner, HasAShortFirstChunkOfAByteAtLeast) {
  ChunkPlanner::Setting setting = pipelining(1);
  setting.lookahead.pool_bytes = 8;
  EXPECT_EQ(ChunkPlanner(setting).length(0, 0, 1), 1U);
}

TEST(ChunkPlanner, ShortensNoFirstChunkOfALengthThatWasAskedForOrThatTheServerKeepsPartsOf) {
  ChunkPlanner::Setting asked = pipelining(2);
  asked.sizer.asked = 64 * mib;
  EXPECT_EQ(ChunkPlanner(asked).length(0, 0, 1), 64 * mib);
  ChunkPlanner::Setting kept = pipelining(2);
  kept.keeps_parts_of_chunks = true;
  EXPECT_EQ(ChunkPlanner(kept).length(0, 0, 1), ChunkSizer::moderate);
}

TEST(ChunkPlanner, KeepsToTheMostThatCanBeChecksummedAndAboveAllToTheLeastThatTheServerKeeps) {
  ChunkPlanner::Setting setting = one_by_one();
  setting.most_bytes = 3 * mib;
  const ChunkPlanner planner(setting);
  EXPECT_EQ(planner.length(0, 0, 1), 3 * mib);
  EXPECT_EQ(planner.length(0, 0, 2 * mib), 3 * mib);
  EXPECT_EQ(planner.length(0, 0, 5 * mib), 5 * mib);
}

TEST(ChunkPlanner, SendsTheRestOfTheFileWithALongChunkWhereTheServerKeepsWhatComes) {
  ChunkPlanner::Setting setting = one_by_one();
  setting.keeps_parts_of_chunks = true;
  setting.sizer.kept_as_it_comes = true;
  const ChunkPlanner planner(setting);
  EXPECT_EQ(planner.length(file_size - 20 * mib, 0, 1), 20 * mib);
  EXPECT_EQ(planner.length(file_size - 40 * mib, 0, 1), ChunkSizer::moderate);
}

TEST(ChunkPlanner, DoublesTheLengthWhereAnswersCostTime) {
  ChunkPlanner planner(one_by_one());
  planner.begin_interval(start, 5.0);
  planner.committed(16 * mib, false, start + 1s, 5.1);
  EXPECT_EQ(planner.length(16 * mib, 16 * mib, 1), 32 * mib);
}

/// What was waited before the interval, or before the last confirmation, does not count again.
TEST(ChunkPlanner, KeepsTheLengthWhereNothingWasWaitedForSinceTheLastConfirmation) {
  ChunkPlanner planner(one_by_one());
  planner.begin_interval(start, 5.0);
  planner.committed(16 * mib, false, start + 1s, 5.0);
  EXPECT_EQ(planner.length(16 * mib, 16 * mib, 1), 16 * mib);
  planner.begin_interval(start + 10s, 9.0);  // 4 s went by with something else
  planner.committed(16 * mib, false, start + 11s, 9.0);
  EXPECT_EQ(planner.length(32 * mib, 32 * mib, 1), 16 * mib);
}

TEST(ChunkPlanner, MeasuresEachChunkFromTheConfirmationBeforeIt) {
  ChunkPlanner planner(one_by_one());
  planner.begin_interval(start, 0);
  planner.committed(16 * mib, false, start + 10s, 0);
  EXPECT_EQ(planner.length(0, 0, 1), 16 * mib);
  // 4 % of nine tenths of the first interval and the second one; with the first one counted twice,
  // 2 %, which makes no longer chunk worth it.
  planner.committed(16 * mib, false, start + 11s, 0.4);
  EXPECT_EQ(planner.length(0, 0, 1), 32 * mib);
}

TEST(ChunkPlanner, LetsPipelinedChunksGrowLessThanSingleOnes) {
  const auto longest = [](const ChunkPlanner::Setting& setting) {
    ChunkPlanner planner(setting);
    planner.begin_interval(start, 0);
    std::uint64_t length = 16 * mib;
    for (int second = 1; second <= 8; ++second) {
      // Twice the bytes in each second, so that doubling has paid.
      planner.committed(length, false, start + std::chrono::seconds(second), second * 0.5);
      length = planner.length(0, 0, 1);
    }
    return length;
  };
  EXPECT_EQ(longest(one_by_one()), ChunkSizer::most_alone);
  EXPECT_EQ(longest(pipelining(1)), ChunkSizer::most_ahead);
  ChunkPlanner::Setting kept = pipelining(1);
  kept.keeps_parts_of_chunks = true;
  EXPECT_EQ(longest(kept), ChunkSizer::most_alone) << "none travels ahead at such a server";
}

TEST(ChunkPlanner, CountsChunksAndTheLargestOfThem) {
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

TEST(ChunkPlanner, TellsOnceWhatAServerTakesThatHasRefusedMore) {
  ChunkPlanner planner(one_by_one());
  planner.begin_interval(start, 0);
  ASSERT_TRUE(planner.too_large(16 * mib));
  EXPECT_EQ(planner.bound(), 8 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 8 * mib);
  ASSERT_TRUE(planner.too_large(8 * mib));
  EXPECT_EQ(planner.committed(4 * mib, false, start + 1s, 0), 4 * mib);
  EXPECT_EQ(planner.committed(4 * mib, false, start + 2s, 0), std::nullopt);
}

/// One that was in flight when another of that length was refused says nothing about the limit.
TEST(ChunkPlanner, TellsNoLimitForAChunkThatIsLongerThanIt) {
  ChunkPlanner planner(pipelining(2));
  planner.begin_interval(start, 0);
  ASSERT_TRUE(planner.too_large(16 * mib));
  EXPECT_EQ(planner.committed(16 * mib, false, start + 1s, 0), std::nullopt);
  EXPECT_EQ(planner.committed(8 * mib, false, start + 2s, 0), 8 * mib);
}

TEST(ChunkPlanner, TellsNoLimitWhereNothingSmallerCanBeSent) {
  ChunkPlanner::Setting setting = one_by_one();
  setting.sizer.asked = ChunkSizer::least;
  ChunkPlanner planner(setting);
  planner.begin_interval(start, 0);
  EXPECT_FALSE(planner.too_large(ChunkSizer::least));
  EXPECT_EQ(planner.committed(ChunkSizer::least, false, start + 1s, 0), std::nullopt);
}

TEST(ChunkPlanner, HalvesTheLengthAfterAFailure) {
  ChunkPlanner planner(one_by_one());
  planner.chunk_failed();
  EXPECT_EQ(planner.length(0, 0, 1), 8 * mib);
}

TEST(ChunkPlanner, HalvesTheLengthIfTheServerKeptNothingOfABrokenChunk) {
  ChunkPlanner planner(one_by_one());
  planner.chunk_broke_at(100 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 16 * mib) << "nobody knows yet";
  planner.found_offset(100 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 8 * mib);
  planner.found_offset(100 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 8 * mib) << "counted once";
}

TEST(ChunkPlanner, KeepsTheLengthIfTheServerKeptAByteOfABrokenChunk) {
  ChunkPlanner planner(one_by_one());
  planner.found_offset(0);
  EXPECT_EQ(planner.length(0, 0, 1), 16 * mib) << "none has broken";
  planner.chunk_broke_at(100 * mib);
  planner.found_offset(100 * mib + 1);
  planner.found_offset(100 * mib);
  EXPECT_EQ(planner.length(0, 0, 1), 16 * mib);
}

TEST(ChunkPlanner, LetsShortChunksSendSideBySideBeforeARateIsKnown) {
  ChunkPlanner planner(pipelining(3));
  EXPECT_EQ(planner.streams(0, 8 * mib, start), 4U);
  EXPECT_EQ(planner.streams(0, 8 * mib + 1, start), 1U);
}

TEST(ChunkPlanner, LetsChunksSendSideBySideWhereTheMeasuredRateIsHighEnough) {
  ChunkPlanner planner(pipelining(3));
  EXPECT_EQ(planner.streams(500 * mib, 64 * mib, start), 1U);
  // The pool is out in ten seconds at 3.2 MiB/s.
  EXPECT_EQ(planner.streams(504 * mib, 64 * mib, start + 1s), 4U);
  EXPECT_EQ(planner.streams(504 * mib, 8 * mib, start + 2s), 1U) << "2 MiB/s";
}

TEST(ChunkPlanner, ForgetsTheRateOfTheSetup) {
  ChunkPlanner planner(pipelining(3));
  planner.streams(0, 8 * mib, start);
  ASSERT_EQ(planner.streams(mib, 8 * mib, start + 1s), 1U);
  planner.setup_ended();
  EXPECT_EQ(planner.streams(mib, 8 * mib, start + 1s), 4U);
}

TEST(ChunkPlanner, GivesPipeliningUpAfterTwoFailuresInARow) {
  ChunkPlanner planner(pipelining(2));
  EXPECT_FALSE(planner.pipelining_failed(closed, true));
  EXPECT_EQ(planner.depth(), 2U);
  EXPECT_TRUE(planner.pipelining_failed(closed, true));
  EXPECT_EQ(planner.depth(), 0U);
}

TEST(ChunkPlanner, OnlyTheConfirmationOfAPipelinedChunkSpeaksForPipelining) {
  for (const bool was_pipelined : {true, false}) {
    ChunkPlanner planner(pipelining(2));
    planner.begin_interval(start, 0);
    planner.pipelining_failed(closed, true);
    planner.committed(16 * mib, was_pipelined, start + 1s, 0);
    EXPECT_EQ(planner.pipelining_failed(closed, true), !was_pipelined);
  }
}

TEST(ChunkPlanner, PipelinesByItselfOnceAnAnswerTookARoundTrip) {
  ChunkPlanner::Setting setting = one_by_one();
  setting.lookahead.asked.reset();
  ChunkPlanner planner(setting);
  EXPECT_EQ(planner.depth(), 0U);
  Answer answer;
  answer.network = {.since_sent = 60ms, .round_trip = 50ms};
  planner.answered(answer);
  EXPECT_GT(planner.depth(), 0U);
}

TEST(ChunkPlanner, RemembersALengthThatGotThrough) {
  ChunkPlanner planner(one_by_one());
  EXPECT_EQ(planner.worth_remembering(), 0U);
  planner.begin_interval(start, 0);
  planner.committed(16 * mib, false, start + 1s, 0.5);
  EXPECT_EQ(planner.worth_remembering(), 0U) << "it began with that";
  planner.committed(32 * mib, false, start + 2s, 1.0);
  EXPECT_EQ(planner.worth_remembering(), 32 * mib);
}

}  // namespace
}  // namespace sluice::chunk_planner_test
