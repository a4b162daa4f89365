#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>

#include "bench/link_packet.h"

namespace sluice::bench {

/// One direction of a link: random loss, then a drop-tail queue before a line of a given rate, then
/// a delay. Has no clock: the caller passes the time, which has an arbitrary origin and must not
/// decrease. One thread.
class LinkLane {
 public:
  using Time = std::chrono::nanoseconds;

  struct Setting {
    std::uint64_t bits_per_second = 0;  ///< rate of IP packets with headers; 1 to 100e9
    Time delay{};                       ///< one-way delay, 0 or more
    std::uint64_t queue_bytes = 0;      ///< maximum bytes that wait for the line or are being sent
    double loss = 0;                    ///< probability for each packet on the wire, from 0 to 1
    std::uint64_t seed = 0;             ///< determines which packets of a sequence are lost
  };
  /// Numbers of packets on the wire.
  struct Counts {
    std::uint64_t passed = 0;
    std::uint64_t passed_bytes = 0;
    std::uint64_t queue_dropped = 0;
    std::uint64_t lost = 0;
  };

  explicit LinkLane(const Setting& setting);

  /// Puts a packet onto the link at time `now`. Removes segments that are lost or do not fit into
  /// the queue.
  void enter(const LinkPacket& packet, Time now);

  /// Returns when leave() has the next packet; nullopt while the lane is empty.
  std::optional<Time> due() const;
  /// Returns and removes the packet that is due next, in the order of enter().
  LinkPacket leave();

  const Counts& counts() const { return counts_; }

 private:
  struct Travelling {
    LinkPacket packet;
    Time due;
  };

  bool queued(std::size_t bytes, Time now);

  const Setting setting_;
  const std::size_t piece_bytes_;
  std::mt19937_64 random_;
  Time line_free_{};  ///< when the line has sent everything admitted so far
  std::deque<Travelling> travelling_;
  Counts counts_;
};

}  // namespace sluice::bench
