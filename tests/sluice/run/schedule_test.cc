#include "tools/sluice/run/schedule.h"

#include <gtest/gtest.h>

namespace sluice::cli::schedule_test {
namespace {

TEST(Schedule, StartsAllInOrderWithoutKeys) {
  Schedule schedule({"", "", ""});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(schedule.next(), i);
  EXPECT_FALSE(schedule.next());
  schedule.ended(1);
  EXPECT_FALSE(schedule.next()) << "none of them a second time";
}

TEST(Schedule, StartsOneOfKeyAtATime) {
  Schedule schedule({"a", "a", "b", "", "a", "b"});
  EXPECT_EQ(schedule.next(), 0U);
  EXPECT_EQ(schedule.next(), 2U);
  EXPECT_EQ(schedule.next(), 3U);
  EXPECT_FALSE(schedule.next());
  schedule.ended(3);
  EXPECT_FALSE(schedule.next());
  schedule.ended(2);
  EXPECT_EQ(schedule.next(), 5U);
  schedule.ended(0);
  EXPECT_EQ(schedule.next(), 1U);
  EXPECT_FALSE(schedule.next());
  schedule.ended(1);
  EXPECT_EQ(schedule.next(), 4U);
  schedule.ended(4);
  schedule.ended(5);
  EXPECT_FALSE(schedule.next());
}

TEST(Schedule, KeepsOrderOfWaitingUploads) {
  Schedule schedule({"a", "a", "", ""});
  EXPECT_EQ(schedule.next(), 0U);
  schedule.ended(0);
  EXPECT_EQ(schedule.next(), 1U) << "before the ones that need not wait";
}

TEST(Schedule, ReturnsPutBackUploadFirst) {
  Schedule schedule({"a", "a", ""});
  EXPECT_EQ(schedule.next(), 0U);
  schedule.put_back(0);
  EXPECT_EQ(schedule.next(), 0U) << "and the other of its key still waits";
  EXPECT_EQ(schedule.next(), 2U);
  EXPECT_FALSE(schedule.next());
}

}  // namespace
}  // namespace sluice::cli::schedule_test
