#include "tests/simulation/timeline.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/simulation/link.h"

namespace sluice::sim::timeline_test {
namespace {

using namespace std::chrono_literals;

TEST(SimulatedTime, RunsEventsByTimeThenByCall) {
  Timeline time;
  std::string order;
  time.after(2s, 0, [&] { order += 'c'; });
  time.after(1s, 0, [&] { order += 'a'; });
  time.after(1s, 0, [&] { order += 'b'; });
  while (time.run_one()) continue;
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(time.elapsed(), 2s);
}

TEST(SimulatedTime, SetsClockOfEngineForItsLifetime) {
  Timeline time;
  const ScopedTimeSource scoped(time);
  const auto before = steady_now();
  const auto wall_before = wall_now();
  time.pass_until(before + 5s);
  EXPECT_EQ(steady_now() - before, 5s);
  time.jump(-3s);
  EXPECT_EQ(steady_now() - before, 5s);
  EXPECT_EQ(wall_now() - wall_before, 2s);
}

TEST(SimulatedTime, RunsEventsDuringWaits) {
  Timeline time;
  const ScopedTimeSource scoped(time);
  int happened = 0;
  time.after(1s, 0, [&] { ++happened; });
  time.after(3s, 0, [&] { ++happened; });
  sleep_until(steady_now() + 2s);
  EXPECT_EQ(happened, 1);
}

TEST(SimulatedTime, RunsEventsOfDestroyedOwnerWithoutTimePassing) {
  Timeline time;
  int own = 0;
  int others = 0;
  time.after(10s, 4, [&] { time.after(1h, 4, [&] { ++own; }); });
  time.after(1s, 0, [&] { ++others; });
  EXPECT_EQ(time.run_owned(4), 2U);
  EXPECT_EQ(own, 1);
  EXPECT_EQ(others, 0);
  EXPECT_EQ(time.elapsed(), 0s);
}

TEST(SimulatedTime, HasLimits) {
  Timeline time({.events = 10, .time = 1h});
  std::function<void()> again = [&] { time.after(1s, 0, again); };
  again();
  EXPECT_THROW(while (time.run_one()) continue, Endless);
}

TEST(SimulatedLink, HasARateAndARoundTrip) {
  Link link({.rate = 1e6, .round_trip = 100ms});
  Clock::time_point now{};
  Clock::time_point last{};
  for (int i = 0; i < 1000; ++i) last = link.send(1000, now);
  EXPECT_NEAR(std::chrono::duration<double>(last - now).count(), 1.05, 0.001);
  EXPECT_EQ(link.send(0, last) - last, 50ms);
}

TEST(SimulatedLink, IsSlowForAWhile) {
  Link link({.rate = 1e6, .round_trip = 0ms});
  const Clock::time_point now{1s};
  link.slow_down(10, now + 5s);
  EXPECT_NEAR(std::chrono::duration<double>(link.send(100'000, now) - now).count(), 1, 0.001);
  EXPECT_NEAR(std::chrono::duration<double>(link.send(100'000, now + 6s) - now).count(), 6.1,
              0.001);
}

TEST(SimulatedLink, GrowsWindowAndResetsItAfterIdleTime) {
  CongestionWindow window(1 << 20);
  const Clock::time_point now{1s};
  EXPECT_EQ(window.room(), CongestionWindow::initial);
  window.sent(window.room(), now, 10ms);
  EXPECT_FALSE(window.has_room());
  window.acknowledged(CongestionWindow::initial);
  EXPECT_EQ(window.room(), 2 * CongestionWindow::initial);
  window.sent(1, now + 1min, 10ms);
  EXPECT_EQ(window.room(), CongestionWindow::initial - 1);
}

}  // namespace
}  // namespace sluice::sim::timeline_test
