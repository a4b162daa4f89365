#include "tools/sluice/display/interval_clock.h"

#include <gtest/gtest.h>

namespace sluice::cli::interval_clock_test {
namespace {

using namespace std::chrono_literals;
constexpr IntervalClock::Clock::time_point begin{};

/// Returns the seconds at which the clock is due, when asked ten times a second.
std::vector<int> due_in(IntervalClock clock, int seconds) {
  std::vector<int> due;
  for (int tenth = 0; tenth <= seconds * 10; ++tenth)
    if (clock.begin_if_due(begin + tenth * 100ms)) due.push_back(tenth / 10);
  return due;
}

TEST(IntervalClockTest, GrowsFrom10SecondsTo5Minutes) {
  EXPECT_EQ(due_in({begin, {}}, 1300), (std::vector<int>{10, 30, 70, 150, 310, 610, 910, 1210}));
}

TEST(IntervalClockTest, KeepsGivenInterval) {
  EXPECT_EQ(due_in({begin, 7s}, 30), (std::vector<int>{7, 14, 21, 28}));
}

TEST(IntervalClockTest, DoesNotCatchUpAfterSuspension) {
  IntervalClock clock(begin, 10s);
  EXPECT_TRUE(clock.begin_if_due(begin + 1h));
  EXPECT_FALSE(clock.begin_if_due(begin + 1h + 9s));
  EXPECT_TRUE(clock.begin_if_due(begin + 1h + 10s));
}

}  // namespace
}  // namespace sluice::cli::interval_clock_test
