#include <gtest/gtest.h>

#include <cmath>

#include "tests/simulation/bbr.h"
#include "tests/simulation/cubic.h"

namespace sluice::sim::congestion_test {
namespace {

using namespace std::chrono_literals;

constexpr Duration round_trip = 50ms;

double packets(const CongestionControl& control) {
  return static_cast<double>(control.window()) / static_cast<double>(packet_bytes);
}

/// Acknowledges one window in each round trip until `end`, a packet at a time.
void run_rounds(Cubic& cubic, Clock::time_point& now, Clock::time_point end) {
  while (now < end) {
    const std::uint64_t window = cubic.window();
    for (std::uint64_t sent = 0; sent < window; sent += packet_bytes) {
      cubic.acknowledged({.now = now,
                          .bytes = packet_bytes,
                          .in_flight = window,
                          .round_trip = round_trip,
                          .window_limited = true});
      now +=
          round_trip * static_cast<std::int64_t>(packet_bytes) / static_cast<std::int64_t>(window);
    }
  }
}

TEST(SimulatedCubic, DoublesItsWindowEachRoundTripBeforeTheFirstLoss) {
  Cubic cubic;
  EXPECT_EQ(cubic.window(), initial_window);
  Clock::time_point now{1s};
  run_rounds(cubic, now, now + 3 * round_trip - 1ms);
  EXPECT_NEAR(packets(cubic), 80, 2);
}

TEST(SimulatedCubic, FollowsTheFormulaAfterALoss) {
  Cubic cubic;
  Clock::time_point now{1s};
  while (packets(cubic) < 1000) run_rounds(cubic, now, now + 1ms);
  const double plateau = packets(cubic);
  cubic.lost(now);
  EXPECT_NEAR(packets(cubic), 0.7 * plateau, 1);
  const Clock::time_point loss = now;
  const double k = std::cbrt(plateau * (1 - 0.7) / 0.4);  // RFC 9438, figure 2
  for (const double t : {1.0, 3.0, 5.0, 9.0, 12.0, 15.0}) {
    run_rounds(cubic, now,
               loss + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(t)));
    const double since = std::chrono::duration<double>(now - loss).count();
    const double expected = 0.4 * std::pow(since - k, 3) + plateau;  // figure 1
    EXPECT_NEAR(packets(cubic), expected, 0.02 * expected) << t << " s after the loss";
  }
}

TEST(SimulatedCubic, IsNotSlowerThanRenoWithAShortRoundTrip) {
  Cubic cubic;
  Clock::time_point now{1s};
  while (packets(cubic) < 20) run_rounds(cubic, now, now + 1ms);
  const double before = packets(cubic);
  cubic.lost(now);
  const double after = packets(cubic);
  // Reno with this reduction grows by 0.53 packets in a round trip (section 4.3).
  run_rounds(cubic, now, now + 5 * round_trip);
  EXPECT_GE(packets(cubic), after + 2);
  EXPECT_LE(packets(cubic), before);
}

TEST(SimulatedCubic, BeginsAgainAfterAPause) {
  Cubic cubic;
  Clock::time_point now{1s};
  run_rounds(cubic, now, now + 5 * round_trip);
  EXPECT_GT(cubic.window(), initial_window);
  cubic.was_idle();
  EXPECT_EQ(cubic.window(), initial_window);
}

TEST(SimulatedCubic, DoesNotGrowAWindowThatIsNotUsed) {
  Cubic cubic;
  for (int i = 0; i < 100; ++i)
    cubic.acknowledged({.now = Clock::time_point{1s},
                        .bytes = packet_bytes,
                        .in_flight = packet_bytes,
                        .round_trip = round_trip});
  EXPECT_EQ(cubic.window(), initial_window);
}

TEST(SimulatedBbr, MeasuresABandwidthAndIgnoresLosses) {
  const Clock::time_point start{1s};
  Bbr bbr(round_trip, start);
  constexpr double rate = 10e6;
  std::uint64_t delivered = 0;
  Clock::time_point now = start;
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t before = delivered;
    delivered += 500'000;
    now += round_trip;
    bbr.acknowledged({.now = now,
                      .bytes = 500'000,
                      .in_flight = 500'000,
                      .round_trip = round_trip,
                      .rate = rate,
                      .delivered = delivered,
                      .delivered_then = before});
    bbr.lost(now);
  }
  EXPECT_DOUBLE_EQ(bbr.bandwidth(), rate);
  EXPECT_GT(bbr.window(), 900'000U);    // twice what is in flight at that rate
  EXPECT_LT(bbr.window(), 1'300'000U);  // and three bursts
  EXPECT_GT(bbr.pacing_rate(), 0.7 * rate);
  EXPECT_LT(bbr.pacing_rate(), 1.3 * rate);
}

}  // namespace
}  // namespace sluice::sim::congestion_test
