#include "tests/simulation/tcp_sender.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

namespace sluice::sim::tcp_sender_test {
namespace {

using namespace std::chrono_literals;

/// One connection over a link, whose application always has something to write.
struct Bulk {
  Bulk(const Link::Setting& setting, const TcpSender::Setting& tcp)
      : link(setting), loss(setting.loss, Dice(7)), sender(tcp, time, link, loss) {
    sender.set_on_writable([this] { fill(); });
  }

  void fill() {
    while (sender.is_writable()) {
      const std::uint64_t bytes = sender.room();
      sender.write(bytes, [this, bytes] { arrived += bytes; });
    }
  }
  /// Bytes per second that arrive after `warm_up`, until `end`.
  double rate(Duration warm_up, Duration end) {
    fill();
    time.pass_until(time.steady_now() + warm_up);
    const std::uint64_t before = arrived;
    time.pass_until(time.steady_now() + end - warm_up);
    return static_cast<double>(arrived - before) /
           std::chrono::duration<double>(end - warm_up).count();
  }

  Timeline time{{.events = ~std::uint64_t{0}, .time = Duration::max()}};
  Link link;
  PacketLoss loss;
  TcpSender sender;
  std::uint64_t arrived = 0;
};

TEST(SimulatedTcp, FillsALinkWithoutLoss) {
  for (const Congestion congestion : {Congestion::bbr, Congestion::cubic}) {
    Bulk bulk({.rate = 10e6, .round_trip = 50ms, .queue = 500'000},
              {.congestion = congestion, .send_buffer = 16 << 20});
    EXPECT_GT(bulk.rate(5s, 60s), 9.3e6) << static_cast<int>(congestion);
  }
}

TEST(SimulatedTcp, SendsNoFasterThanItsBufferAllows) {
  Bulk bulk({.rate = 100e6, .round_trip = 100ms}, {.send_buffer = 1 << 20});
  const double rate = bulk.rate(5s, 20s);
  EXPECT_GT(rate, 8e6);
  EXPECT_LT(rate, 10.6e6);
  EXPECT_GT(bulk.sender.bounded_by_buffer(), 0.5);
}

TEST(SimulatedTcp, ReachesTheRateOfCubicWithRandomLosses) {
  constexpr double p = 0.001;
  for (const Duration round_trip : {Duration(20ms), Duration(100ms)}) {
    Bulk bulk({.rate = 100e6, .round_trip = round_trip, .loss = p},
              {.congestion = Congestion::cubic, .send_buffer = 64 << 20, .segment = 16 << 10});
    const double seconds = std::chrono::duration<double>(round_trip).count();
    // RFC 9438 section 5.1: the average window of CUBIC, and that of Reno (figure 5), in packets.
    const double cubic = std::pow(0.4 * 3.7 / 1.2, 0.25) * std::pow(seconds / p, 0.75);
    const double reno = std::sqrt(1.5 / p);
    const double expected = std::max(cubic, reno) / seconds * static_cast<double>(packet_bytes);
    const double rate = bulk.rate(20s, 220s);
    EXPECT_GT(rate, 0.6 * expected) << seconds;
    EXPECT_LT(rate, 1.6 * expected) << seconds;
  }
}

TEST(SimulatedTcp, KeepsItsRateWithBbrAndRandomLosses) {
  Bulk bulk({.rate = 10e6, .round_trip = 50ms, .queue = 500'000, .loss = 0.01},
            {.send_buffer = 16 << 20});
  EXPECT_GT(bulk.rate(5s, 60s), 9e6);
  EXPECT_GT(bulk.sender.packets_sent_again(), 3000U);
}

TEST(SimulatedTcp, NeedsALargerBufferWherePacketsAreLost) {
  const TcpSender::Setting tcp{.send_buffer = 600'000};
  Bulk without({.rate = 10e6, .round_trip = 50ms}, tcp);
  Bulk with({.rate = 10e6, .round_trip = 50ms, .loss = 0.005}, tcp);
  EXPECT_GT(without.rate(5s, 30s), 9e6);
  EXPECT_LT(with.rate(5s, 30s), 7e6);
}

TEST(SimulatedTcp, DropsPacketsBeyondQueue) {
  Link link({.rate = 1e6, .round_trip = 100ms, .queue = 50'000});
  const Clock::time_point now{1s};
  EXPECT_EQ(link.queue_room(now), 50'000U);
  link.send(40'000, now);
  EXPECT_EQ(link.queue_room(now), 10'000U);
  EXPECT_EQ(link.queue_room(now + 20ms), 30'000U);

  Bulk bulk({.rate = 10e6, .round_trip = 50ms, .queue = 100'000},
            {.congestion = Congestion::cubic, .send_buffer = 16 << 20, .segment = 16 << 10});
  const double rate = bulk.rate(5s, 60s);
  EXPECT_GT(bulk.sender.packets_sent_again(), 100U);
  // 0.7 of a window that is a little more than what is in flight.
  EXPECT_GT(rate, 7e6);
  EXPECT_LT(rate, 10e6);
}

TEST(SimulatedTcp, DeliversInTheOrderOfTheWrites) {
  Bulk bulk({.rate = 10e6, .round_trip = 50ms, .queue = 100'000, .loss = 0.02}, {});
  std::string order;
  for (char letter = 'a'; letter <= 'e'; ++letter)
    bulk.sender.write(letter == 'c' ? 0 : 100'000, [&order, letter] { order += letter; });
  while (bulk.time.run_one()) continue;
  EXPECT_EQ(order, "abcde");
}

TEST(SimulatedLoss, LosesTheShareOfThePackets) {
  PacketLoss loss(0.001, Dice(3));
  std::uint64_t lost = 0;
  for (int i = 0; i < 100'000; ++i) lost += loss.lost_of(40);
  EXPECT_NEAR(static_cast<double>(lost), 4000, 250);
  PacketLoss none(0, Dice(3));
  EXPECT_EQ(none.lost_of(1'000'000'000), 0U);
}

}  // namespace
}  // namespace sluice::sim::tcp_sender_test
