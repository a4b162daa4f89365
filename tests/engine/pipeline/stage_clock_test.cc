#include "engine/pipeline/stage_clock.h"

#include <gtest/gtest.h>

namespace sluice::stage_clock_test {
namespace {

using Clock = StageClock::Clock;

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

void pass(std::chrono::microseconds time) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
  }
}

TEST(StageClock, CountsOverlappingThreadsOnce) {
  StageClock clock;
  const auto before = Clock::now();
  clock.enter();
  clock.enter();
  const auto both_in = Clock::now();
  pass(std::chrono::microseconds(200));
  clock.leave();
  pass(std::chrono::microseconds(200));
  const double at_least = seconds_since(both_in);
  clock.leave();
  const double at_most = seconds_since(before);
  EXPECT_GE(clock.seconds(), at_least);
  EXPECT_LE(clock.seconds(), at_most);
}

TEST(StageClock, IgnoresTimeOutside) {
  StageClock clock;
  { Inside inside(clock); }
  const double then = clock.seconds();
  pass(std::chrono::microseconds(100));
  EXPECT_EQ(clock.seconds(), then);
  EXPECT_NE(clock.last_left(), Clock::time_point{});
}

}  // namespace
}  // namespace sluice::stage_clock_test
