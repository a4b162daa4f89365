#include "tools/sluice/run/transfer_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::cli::transfer_plan_test {
namespace {

using testing::HasSubstr;

constexpr std::size_t mib = std::size_t{1} << 20;

TransferPlanSetting transfers_of(std::size_t files, std::optional<unsigned> asked = {}) {
  return {.asked = asked,
          .files = files,
          .descriptors = {.limit = 1024, .open = 3},
          .space = {},
          .pool_bytes = 64 * mib};
}

TEST(TransferPlanTest, RunsRequestedNumberUpToFiles) {
  EXPECT_EQ(plan_transfers(transfers_of(10'000))->most, 64U);
  EXPECT_TRUE(plan_transfers(transfers_of(10'000))->automatic);
  EXPECT_EQ(plan_transfers(transfers_of(3))->most, 3U);
  EXPECT_EQ(plan_transfers(transfers_of(0))->most, 1U);
  EXPECT_EQ(plan_transfers(transfers_of(10'000, 16))->most, 16U);
  EXPECT_FALSE(plan_transfers(transfers_of(10'000, 16))->automatic);
  EXPECT_EQ(plan_transfers(transfers_of(7, 16))->most, 7U);
}

TEST(TransferPlanTest, WarnsOnlyIfNumberWasRequested) {
  TransferPlanSetting setting = transfers_of(10'000);
  setting.descriptors.limit = 100;
  const auto automatic = plan_transfers(setting);
  EXPECT_EQ(automatic->most, 21U);
  EXPECT_EQ(automatic->warning, "");
  setting.asked = 64;
  const auto asked = plan_transfers(setting);
  EXPECT_EQ(asked->most, 21U);
  EXPECT_THAT(asked->warning, HasSubstr("running 21 transfers at a time instead of 64: the limit "
                                        "of 100 open files"));
  setting.descriptors.limit = 12;
  EXPECT_FALSE(plan_transfers(setting));
}

TEST(TransferPlanTest, ObeysMemoryLimit) {
  TransferPlanSetting setting = transfers_of(10'000);
  setting.space = {.limit = 150 * mib, .used = 20 * mib};
  // 130 MiB are free: 64 for the pool, 24 in general, and 3 for each transfer.
  EXPECT_EQ(plan_transfers(setting)->most, 14U);
  setting.asked = 64;
  const auto asked = plan_transfers(setting);
  ASSERT_FALSE(asked);
  EXPECT_THAT(asked.error().message, HasSubstr("not enough memory"));
  setting.asked.reset();
  setting.space.limit = 100 * mib;
  EXPECT_FALSE(plan_transfers(setting)) << "not even for one";
}

TEST(TransferPlanTest, LimitsCheckedChunksByPool) {
  EXPECT_EQ(transfers_with_checked_chunks(64 * mib, 4 * mib, 4 * mib), 64U) << "a block each";
  // Chunks of 5 MiB cover parts of 3 blocks.
  EXPECT_EQ(transfers_with_checked_chunks(64 * mib, 4 * mib, 100 * mib), 5U);
  EXPECT_EQ(transfers_with_checked_chunks(512 * mib, 4 * mib, 100 * mib), 42U);
  EXPECT_EQ(transfers_with_checked_chunks(8 * mib, 4 * mib, 100 * mib), 4U);
}

TEST(TransferPlanTest, DescribesChange) {
  using Reason = TransferCount::Reason;
  TransferCount::Change change{.from = 4,
                               .to = 8,
                               .reason = Reason::trial_of_more,
                               .before = {.files = 25.84, .bytes = 264'000},
                               .trial = {}};
  EXPECT_EQ(describe(change),
            "running 8 transfers at a time instead of 4, to measure whether that is faster than "
            "25.8 files/s and 264 kB/s");
  change = {.from = 8,
            .to = 4,
            .reason = Reason::not_faster,
            .before = {.files = 25.84, .bytes = 264'000},
            .trial = {.files = 26, .bytes = 265'000}};
  EXPECT_EQ(describe(change),
            "running 4 transfers at a time again: 8 made 26.0 files/s and 265 kB/s, 4 made 25.8 "
            "files/s and 264 kB/s");
  change = {.from = 4, .to = 1, .reason = Reason::ceiling, .before = {}, .trial = {}};
  EXPECT_EQ(describe(change),
            "running 1 transfer at a time instead of 4: the server was overloaded by more");
}

}  // namespace
}  // namespace sluice::cli::transfer_plan_test
