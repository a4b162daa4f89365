#include "bench/link_lane.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/bench/link_frame.h"

namespace sluice::bench::link_lane_test {
namespace {

using Time = LinkLane::Time;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// 1500 bytes take 12 us.
constexpr std::uint64_t gigabit = 1'000'000'000;

LinkPacket full() {
  return tcp_frame(1460, 1460);
}

/// Removes all packets, and returns when each was due.
std::vector<Time> drain(LinkLane& lane) {
  std::vector<Time> times;
  while (lane.due()) {
    times.push_back(*lane.due());
    lane.leave();
  }
  return times;
}

TEST(LinkLane, DelaysPacketByLineAndDelay) {
  LinkLane lane({.bits_per_second = gigabit, .delay = milliseconds(25), .queue_bytes = 1 << 20});
  EXPECT_FALSE(lane.due());
  lane.enter(full(), seconds(5));
  EXPECT_EQ(lane.due(), seconds(5) + microseconds(12) + milliseconds(25));
  EXPECT_EQ(lane.counts().passed, 0u) << "it has not passed yet";
  EXPECT_EQ(lane.leave().wire_bytes(0, 1), 1500u);
  EXPECT_FALSE(lane.due());
  EXPECT_EQ(lane.counts().passed, 1u);
  EXPECT_EQ(lane.counts().passed_bytes, 1500u);
}

TEST(LinkLane, SpacesPacketsByRate) {
  LinkLane lane({.bits_per_second = gigabit, .delay = milliseconds(1), .queue_bytes = 1 << 20});
  for (int i = 0; i < 100; ++i) lane.enter(full(), seconds(1));
  const std::vector<Time> times = drain(lane);
  ASSERT_EQ(times.size(), 100u);
  for (std::size_t i = 0; i < times.size(); ++i)
    EXPECT_EQ(times[i], seconds(1) + milliseconds(1) + (i + 1) * microseconds(12)) << i;
}

TEST(LinkLane, IdleLineAccumulatesNoCredit) {
  LinkLane lane({.bits_per_second = gigabit, .queue_bytes = 1 << 20});
  lane.enter(full(), seconds(1));
  lane.enter(full(), seconds(9));
  lane.enter(full(), seconds(9));
  EXPECT_EQ(drain(lane),
            (std::vector<Time>{seconds(1) + microseconds(12), seconds(9) + microseconds(12),
                               seconds(9) + microseconds(24)}));
}

TEST(LinkLane, KeepsRateOverAnySpan) {
  LinkLane lane({.bits_per_second = 7'777'777, .queue_bytes = 1 << 20});
  std::uint64_t bytes = 0;
  Time now{};
  Time last{};
  for (std::size_t i = 0; i < 20'000; ++i) {
    const LinkPacket packet = tcp_frame(1 + i * 37 % 1460, 1460);
    bytes += packet.wire_bytes(0, 1);
    lane.enter(packet, now);
    while (lane.counts().passed < i) {  // one packet waits, so that the line is never idle
      now = last = *lane.due();
      lane.leave();
    }
  }
  last = drain(lane).back();
  const double ideal = static_cast<double>(bytes) * 8 / 7'777'777;
  const double taken = std::chrono::duration<double>(last).count();
  EXPECT_GE(taken, ideal) << "never faster";
  EXPECT_LT(taken, ideal * 1.00001);
  EXPECT_EQ(lane.counts().queue_dropped, 0u);
}

TEST(LinkLane, DropsPacketsBeyondQueue) {
  LinkLane lane({.bits_per_second = gigabit, .queue_bytes = 15'000});
  for (int i = 0; i < 25; ++i) lane.enter(full(), seconds(1));
  EXPECT_EQ(lane.counts().queue_dropped, 15u);
  // One packet has left every 12 us.
  lane.enter(full(), seconds(1) + microseconds(12));
  EXPECT_EQ(lane.counts().queue_dropped, 15u);
  lane.enter(full(), seconds(1) + microseconds(12));
  EXPECT_EQ(lane.counts().queue_dropped, 16u);
  EXPECT_EQ(drain(lane).size(), 11u);
}

TEST(LinkLane, DelayDoesNotFillQueue) {
  LinkLane lane({.bits_per_second = gigabit, .delay = seconds(1), .queue_bytes = 1500});
  for (int i = 0; i < 1000; ++i) lane.enter(full(), i * microseconds(12));
  EXPECT_EQ(lane.counts().queue_dropped, 0u);
  EXPECT_EQ(drain(lane).size(), 1000u);
}

TEST(LinkLane, ChargesSegmentsOfLargePacket) {
  LinkLane lane({.bits_per_second = gigabit, .delay = milliseconds(1), .queue_bytes = 1 << 20});
  lane.enter(tcp_frame(40 * 1460, 1460), seconds(1));
  EXPECT_EQ(lane.due(), seconds(1) + milliseconds(1) + 40 * microseconds(12));
  EXPECT_EQ(lane.leave().segments(), 40u);
  EXPECT_EQ(lane.counts().passed, 40u);
  EXPECT_EQ(lane.counts().passed_bytes, 60'000u);
}

TEST(LinkLane, SlowLineDeliversPieces) {
  // 12.5 bytes per ms: each segment by itself. 5000 per ms: three at a time.
  for (const auto& [rate, pieces] : {std::pair{100'000u, 40u}, {40'000'000u, 14u}}) {
    LinkLane lane({.bits_per_second = rate, .queue_bytes = 1 << 20});
    lane.enter(tcp_frame(40 * 1460, 1460), seconds(0));
    const std::vector<Time> times = drain(lane);
    EXPECT_EQ(times.size(), pieces) << rate;
    EXPECT_EQ(times.back(), Time(60'000ull * 8 * gigabit / rate)) << rate;
    EXPECT_EQ(lane.counts().passed, 40u);
  }
}

TEST(LinkLane, FullQueueAcceptsFittingSegments) {
  LinkLane lane({.bits_per_second = gigabit, .queue_bytes = 15'000});
  lane.enter(tcp_frame(40 * 1460, 1460), seconds(1));
  EXPECT_EQ(lane.counts().queue_dropped, 30u);
  EXPECT_EQ(lane.leave().segments(), 10u);
  EXPECT_FALSE(lane.due());
}

TEST(LinkLane, LosesGivenShareOfSegments) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  LinkLane lane({.bits_per_second = gigabit, .queue_bytes = 1 << 20, .loss = 0.01, .seed = seed});
  for (int i = 0; i < 5000; ++i) {
    lane.enter(tcp_frame(40 * 1460, 1460), i * milliseconds(1));
    drain(lane);
  }
  const LinkLane::Counts& counts = lane.counts();
  EXPECT_EQ(counts.passed + counts.lost, 200'000u);
  EXPECT_EQ(counts.queue_dropped, 0u);
  // 2000 expected with a standard deviation of 45: the bounds are eight of them.
  EXPECT_NEAR(static_cast<double>(counts.lost), 2000, 360);
}

TEST(LinkLane, KeepsOrderOfRemainingSegments) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  LinkLane lane({.bits_per_second = gigabit, .queue_bytes = 1 << 20, .loss = 0.2, .seed = seed});
  const LinkPacket whole = tcp_frame(40 * 1460, 1460);
  lane.enter(whole, seconds(1));
  std::size_t segments = 0;
  std::size_t end = 0;  // of the previous piece, in bytes of payload
  while (lane.due()) {
    const LinkPacket piece = lane.leave();
    segments += piece.segments();
    const auto at = [&](std::size_t i) { return std::to_integer<std::size_t>(piece.frame()[i]); };
    const std::size_t from = (at(34) << 24 | at(35) << 16 | at(36) << 8 | at(37)) - 1;
    EXPECT_TRUE(from > end || (from == 0 && end == 0)) << "two that follow each other are one";
    EXPECT_EQ(from % 1460, 0u);
    end = from + piece.frame().size() - 50;
    EXPECT_TRUE(std::equal(piece.frame().begin() + 50, piece.frame().end(),
                           whole.frame().begin() + 50 + static_cast<std::ptrdiff_t>(from)));
  }
  EXPECT_EQ(segments + lane.counts().lost, 40u);
}

TEST(LinkLane, LosesSamePacketsWithSameSeed) {
  const auto lost = [](std::uint64_t seed) {
    LinkLane lane({.bits_per_second = gigabit, .queue_bytes = 1 << 20, .loss = 0.1, .seed = seed});
    std::vector<std::uint64_t> after;
    for (int i = 0; i < 200; ++i) {
      lane.enter(full(), i * milliseconds(1));
      after.push_back(lane.counts().lost);
    }
    return after;
  };
  EXPECT_EQ(lost(3), lost(3));
  EXPECT_NE(lost(3), lost(4));
}

TEST(LinkLane, LossOfOneLosesAll) {
  LinkLane lane({.bits_per_second = gigabit, .queue_bytes = 1 << 20, .loss = 1});
  for (int i = 0; i < 100; ++i) lane.enter(full(), seconds(1));
  EXPECT_FALSE(lane.due());
  EXPECT_EQ(lane.counts().lost, 100u);
}

}  // namespace
}  // namespace sluice::bench::link_lane_test
