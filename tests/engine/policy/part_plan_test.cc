#include "engine/policy/part_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::part_plan_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t MiB = 1 << 20;

PartPlanSetting setting(std::uint64_t size, std::optional<unsigned> asked,
                        std::optional<std::chrono::microseconds> round_trip = {}) {
  return {.size = size,
          .block_bytes = 4 * MiB,
          .pool_blocks = 16,
          .asked = asked,
          .round_trip = round_trip};
}

/// Checks that every byte is in one part, in order, and that parts begin at block boundaries.
void expect_whole(const PartPlan& plan, std::uint64_t size) {
  std::uint64_t at = 0;
  for (const ByteRange& part : plan.parts) {
    EXPECT_EQ(part.begin, at);
    EXPECT_EQ(part.begin % (4 * MiB), 0U);
    EXPECT_GT(part.size(), 0U);
    at = part.end;
  }
  EXPECT_EQ(at, size);
}

TEST(PartPlan, UploadsTheRequestedNumberOfPartsAtOnce) {
  for (const unsigned lanes : {1U, 2U, 3U, 8U}) {
    const PartPlan plan = plan_parts(setting(1000 * MiB + 7, lanes));
    EXPECT_EQ(plan.parts.size(), lanes);
    EXPECT_EQ(plan.first, lanes);
    EXPECT_EQ(plan.most, lanes);
    expect_whole(plan, 1000 * MiB + 7);
  }
}

TEST(PartPlan, MakesNoPartsIfNoneRequestedOrFileIsSmall) {
  EXPECT_TRUE(plan_parts(setting(1000 * MiB, 0)).parts.empty());
  EXPECT_TRUE(plan_parts(setting(0, 4)).parts.empty());
  EXPECT_TRUE(plan_parts(setting(4 * MiB, 4)).parts.empty()) << "one block";
  for (const std::uint64_t size : {MiB, 9 * MiB}) {
    const PartPlan one = plan_parts(setting(size, 1));
    EXPECT_EQ(one.parts.size(), 1U) << "that is what is asked for";
    expect_whole(one, size);
  }
}

/// Send buffers of 4 and 256 MiB allow 2.8 and 170 MB in flight.
TEST(PartPlan, MakesNoPartsIfOneConnectionIsEnough) {
  struct Host {
    bool bbr;
    std::uint64_t max_in_flight_bytes;
    std::chrono::microseconds round_trip;
    bool in_parts;
  };
  for (const Host& host : {Host{true, 170'000'000, 50ms, false}, Host{true, 2'800'000, 50ms, true},
                           Host{false, 170'000'000, 50ms, true}, Host{true, 0, 50ms, true},
                           Host{true, 170'000'000, 400ms, true}}) {
    SCOPED_TRACE(host.max_in_flight_bytes);
    PartPlanSetting of_host = setting(1024 * MiB, {}, host.round_trip);
    of_host.bbr = host.bbr;
    of_host.max_in_flight_bytes = host.max_in_flight_bytes;
    EXPECT_EQ(!plan_parts(of_host).parts.empty(), host.in_parts);
    of_host.asked = 3;
    EXPECT_EQ(plan_parts(of_host).parts.size(), 3U) << "that is what is asked for";
  }
}

/// Otherwise the server would keep the bytes, and refuse at the end to join them.
TEST(PartPlan, MakesNoPartBelowTheMinimum) {
  for (const std::uint64_t block : {std::uint64_t{4096}, MiB, 3 * MiB, 4 * MiB, 64 * MiB})
    for (const std::uint64_t size :
         {5 * MiB, 10 * MiB - 1, 10 * MiB, 15 * MiB + 1, 20 * MiB, 83 * MiB, 130 * MiB - 1})
      for (unsigned asked = 2; asked <= 16; ++asked) {
        SCOPED_TRACE(testing::Message() << size << " in " << asked << ", blocks of " << block);
        PartPlanSetting of = setting(size, asked);
        of.block_bytes = block;
        const PartPlan plan = plan_parts(of);
        std::uint64_t end = 0;
        for (const ByteRange& part : plan.parts) {
          EXPECT_GE(part.size(), 5 * MiB);
          EXPECT_EQ(part.begin, end);
          EXPECT_EQ(part.begin % block, 0U);
          end = part.end;
        }
        EXPECT_LE(plan.parts.size(), asked);
        EXPECT_NE(plan.parts.size(), 1U) << "one part is never planned";
        if (!plan.parts.empty()) {
          EXPECT_EQ(end, size);
        }
      }
  EXPECT_EQ(plan_parts(setting(40 * MiB, 16)).parts.size(), 5U) << "each part has two blocks";
  PartPlanSetting small_blocks = setting(40 * MiB, 16);
  small_blocks.block_bytes = MiB;
  EXPECT_EQ(plan_parts(small_blocks).parts.size(), 8U);
  for (const auto& [asked, too_many] : {std::pair<std::optional<unsigned>, bool>({}, false),
                                        {0, false},
                                        {1, false},
                                        {8, false},
                                        {9, true}}) {
    small_blocks.asked = asked;
    EXPECT_EQ(asks_for_short_parts(small_blocks), too_many) << asked.value_or(99);
  }
}

TEST(PartPlan, MakesNoPartsIfBlocksExceedKeptChecksums) {
  PartPlanSetting tiny = setting(5000 * MiB, 4);
  tiny.block_bytes = 4096;
  EXPECT_TRUE(plan_parts(tiny).parts.empty());
}

TEST(PartPlan, GivesEachLaneTwoBlocksOfThePool) {
  PartPlanSetting small = setting(1000 * MiB, 8);
  small.pool_blocks = 5;
  const PartPlan plan = plan_parts(small);
  EXPECT_EQ(plan.parts.size(), 8U);
  EXPECT_EQ(plan.most, 2U);
  EXPECT_EQ(plan.first, 2U);
  small.pool_blocks = 2;
  EXPECT_EQ(plan_parts(small).most, 1U);
}

TEST(PartPlan, AutomaticOnlyForLongRoundTripsAndLargeFiles) {
  EXPECT_TRUE(plan_parts(setting(1000 * MiB, {})).parts.empty()) << "the round trip is unknown";
  EXPECT_TRUE(plan_parts(setting(1000 * MiB, {}, 9ms)).parts.empty());
  EXPECT_TRUE(plan_parts(setting(worth_parts_bytes - 1, {}, 50ms)).parts.empty());
  const PartPlan plan = plan_parts(setting(worth_parts_bytes, {}, 10ms));
  EXPECT_EQ(plan.parts.size(), 4U) << "of 64 MiB";
  EXPECT_EQ(plan.first, 2U) << "more lanes must pay first";
  EXPECT_EQ(plan.most, 4U);
  expect_whole(plan, worth_parts_bytes);
  EXPECT_EQ(plan_parts(setting(4 * worth_parts_bytes, {}, 10ms)).most, 8U);
}

/// Unequal lanes end together only if the last parts are short.
TEST(PartPlan, AutomaticPartsShrinkTowardsTheEnd) {
  for (const std::uint64_t size : {1000 * MiB + 7, 100'000 * MiB, 300'000 * MiB - 1}) {
    SCOPED_TRACE(size);
    const PartPlan plan = plan_parts(setting(size, {}, 50ms));
    expect_whole(plan, size);
    for (std::size_t i = 1; i + 1 < plan.parts.size(); ++i)
      EXPECT_LE(plan.parts[i].size(), plan.parts[i - 1].size()) << i;
    EXPECT_LE(plan.parts.front().size(), size / 8 + 4 * MiB);
    EXPECT_GE(plan.parts[plan.parts.size() - 2].size(), 64 * MiB);
    EXPECT_LE(plan.parts.back().size(), std::max(96 * MiB, size / 32));
    EXPECT_LE(plan.parts.size(), most_parts);
  }
}

/// Otherwise the server would keep the bytes, and refuse at the end to join them.
TEST(PartPlan, MakesNoPartAboveTheMaximum) {
  const std::uint64_t most = most_parts * most_part_bytes;
  for (const auto asked : {std::optional<unsigned>(), std::optional<unsigned>(2)}) {
    for (const std::uint64_t size : {most, most / 2 + 1}) {
      const PartPlan plan = plan_parts(setting(size, asked, 50ms));
      expect_whole(plan, size);
      EXPECT_LE(plan.parts.size(), most_parts);
      EXPECT_LE(plan.most, asked.value_or(8));
      for (const ByteRange& part : plan.parts) EXPECT_LE(part.size(), most_part_bytes);
    }
    EXPECT_TRUE(plan_parts(setting(most + 1, asked, 50ms)).parts.empty());
  }
}

}  // namespace
}  // namespace sluice::part_plan_test
