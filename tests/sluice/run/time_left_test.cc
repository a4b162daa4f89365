#include "tools/sluice/run/time_left.h"

#include <gtest/gtest.h>

#include <chrono>

namespace sluice::cli::time_left_test {
namespace {

using namespace std::chrono_literals;

TEST(TimeLeftOfARun, IsEstimatedOnceAMinute) {
  TimeLeft left;
  const TimeLeft::Clock::time_point begin{};
  // 1000 bytes were sent before; then 10 bytes per second.
  EXPECT_FALSE(left.update(begin, 1000, 10000));
  EXPECT_FALSE(left.update(begin + 59s, 1590, 10000));
  EXPECT_DOUBLE_EQ(left.update(begin + 60s, 1600, 10000).value_or(0), 840);
  EXPECT_FALSE(left.update(begin + 119s, 2190, 10000));
  EXPECT_DOUBLE_EQ(left.update(begin + 120s, 2200, 10000).value_or(0), 780);
}

TEST(TimeLeftOfARun, IsUnknownWithoutProgress) {
  TimeLeft left;
  const TimeLeft::Clock::time_point begin{};
  EXPECT_FALSE(left.update(begin, 0, 100));
  EXPECT_FALSE(left.update(begin + 60s, 0, 100));
  EXPECT_FALSE(left.update(begin + 180s, 100, 100)) << "nothing is left";
}

TEST(TimeLeftOfARun, RestartsIfBytesAreSentAgain) {
  TimeLeft left;
  const TimeLeft::Clock::time_point begin{};
  EXPECT_FALSE(left.update(begin, 500, 1000));
  EXPECT_FALSE(left.update(begin + 60s, 0, 1000));
  EXPECT_DOUBLE_EQ(left.update(begin + 120s, 100, 1000).value_or(0), 540);
}

}  // namespace
}  // namespace sluice::cli::time_left_test
