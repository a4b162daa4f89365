#include "engine/policy/lane_count.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace sluice::lane_count_test {
namespace {

using namespace std::chrono_literals;

/// A link as the lanes see it: the rate of all lanes together, and how long a packet waits.
struct Way {
  std::function<double(unsigned lanes)> rate;  ///< bytes per second
  /// in multiples of 50 ms
  std::function<double(unsigned lanes)> queue = [](unsigned) { return 1.0; };
  bool tells = true;  ///< the kernel reports the round trips
  double lost = 0;    ///< packets per second
};

class LaneCountTest : public testing::Test {
 protected:
  /// Measures four times per second; returns the number of lanes after `time`.
  unsigned after(const Way& way, std::chrono::milliseconds time) {
    for (const auto end = now_ + time; now_ < end; now_ += 250ms) look(way);
    return count_.lanes();
  }
  void look(const Way& way) {
    LaneCount::Sample sample{.at = now_, .sent = static_cast<std::uint64_t>(sent_)};
    if (way.tells) {
      sample.least_round_trip = 50ms;
      sample.round_trip =
          std::chrono::microseconds(std::lround(50'000 * way.queue(count_.lanes())));
    }
    lost_ += way.lost / 4;
    sample.sent_again = static_cast<std::uint64_t>(lost_);
    const unsigned lanes = count_.look(sample);
    sent_ += way.rate(lanes) / 4;
  }

  LaneCount count_{2, 8};
  LaneCount::Clock::time_point now_{1h};
  double sent_ = 0;
  double lost_ = 0;
};

/// 0.1 % loss at 50 ms: each lane reaches 40 MB/s at most, and three lanes fill the link.
const Way lossy{.rate = [](unsigned lanes) { return std::min(110e6, 40e6 * lanes); },
                .queue = [](unsigned lanes) { return lanes > 2 ? 1.7 : 1.2; }};

TEST_F(LaneCountTest, AddsLanesWhereEachIsLimitedByItself) {
  EXPECT_EQ(after(lossy, 1s), 2U) << "no decision before the windows are open";
  EXPECT_EQ(after(lossy, 750ms), 4U);
}

TEST_F(LaneCountTest, AddsNoLaneBeyondAFullLink) {
  EXPECT_EQ(after(lossy, 60s), 4U);
  EXPECT_TRUE(count_.decided());
}

TEST_F(LaneCountTest, KeepsFirstLanesOnAFullLink) {
  const Way full{.rate = [](unsigned) { return 110e6; }, .queue = [](unsigned) { return 1.8; }};
  EXPECT_EQ(after(full, 60s), 2U);
  EXPECT_TRUE(count_.decided());
}

/// The congestion windows open beyond the link's capacity, and close again.
TEST_F(LaneCountTest, IgnoresSlowStartOvershoot) {
  const Way overshoots{.rate = lossy.rate, .queue = [](unsigned) { return 1.9; }};
  after(overshoots, 1500ms);
  EXPECT_FALSE(count_.decided());
  EXPECT_EQ(after(lossy, 2s), 4U);
}

/// A disk or a server is the bottleneck: no queue shows it.
TEST_F(LaneCountTest, StopsAfterADoublingWithoutGain) {
  const Way slow{.rate = [](unsigned) { return 30e6; }};
  EXPECT_EQ(after(slow, 60s), 4U);
}

/// Losses without a queue show it before any rate does.
TEST_F(LaneCountTest, DoublesAtOnceOnLossesWithoutQueue) {
  Way losing = lossy;
  losing.queue = [](unsigned) { return 1.1; };
  losing.lost = 20;
  EXPECT_EQ(after(losing, 750ms), 4U);
  EXPECT_EQ(after(losing, 750ms), 4U) << "the next doubling waits for the result of this one";
}

/// The queue of a full link overflows as well.
TEST_F(LaneCountTest, IgnoresLossesOfAFullLink) {
  const Way full{
      .rate = [](unsigned) { return 110e6; }, .queue = [](unsigned) { return 1.8; }, .lost = 1000};
  EXPECT_EQ(after(full, 60s), 2U);
}

/// The queue is empty again at the measurement, but has dropped many packets.
TEST_F(LaneCountTest, IgnoresLossesOfAnOverflowedQueue) {
  Way overflowed{.rate = [](unsigned) { return 10e6; }, .queue = [](unsigned) { return 1.1; }};
  overflowed.lost = 400;
  EXPECT_EQ(after(overflowed, 750ms), 2U);
}

TEST_F(LaneCountTest, IgnoresASingleRetransmission) {
  Way once = lossy;
  once.queue = [](unsigned) { return 1.1; };
  once.lost = 1;
  EXPECT_EQ(after(once, 750ms), 2U);
}

TEST_F(LaneCountTest, GrowsToTheMaximumWhereEachLanePays) {
  const Way wide{.rate = [](unsigned lanes) { return 1e6 * lanes; }};
  EXPECT_EQ(after(wide, 60s), 8U);
}

TEST_F(LaneCountTest, FollowsAGrowingRateWithoutRoundTrips) {
  const Way wide{.rate = [](unsigned lanes) { return 1e6 * lanes; }, .tells = false};
  EXPECT_EQ(after(wide, 60s), 8U);
}

TEST_F(LaneCountTest, StopsAtAConstantRateWithoutRoundTrips) {
  const Way slow{.rate = [](unsigned) { return 30e6; }, .tells = false};
  EXPECT_EQ(after(slow, 60s), 4U);
}

/// A server may take minutes to answer the first request.
TEST_F(LaneCountTest, DoesNotMeasureWhileNothingIsSent) {
  const Way silent{.rate = [](unsigned) { return 0.0; }};
  EXPECT_EQ(after(silent, 60s), 2U);
  EXPECT_EQ(after(lossy, 1s), 2U);
}

TEST_F(LaneCountTest, IsDecidedIfANumberWasRequested) {
  EXPECT_TRUE(LaneCount(4, 4).decided());
}

}  // namespace
}  // namespace sluice::lane_count_test
