#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>

#include "bench/link_packet.h"

namespace sluice::bench {

/// One direction of a link: random loss, then a drop-tail queue in front of a line of a given rate,
/// then a delay. It knows no clock: times are what the caller says, counted from anywhere, and
/// never go back. One thread.
class LinkLane {
 public:
  using Time = std::chrono::nanoseconds;

  struct Setting {
    std::uint64_t bits_per_second = 0;  ///< of IP packets, headers and all; 1 to 100e9
    Time delay{};                       ///< one way, 0 or more
    std::uint64_t queue_bytes = 0;      ///< that may wait for the line or be on it
    double loss = 0;                    ///< of each packet on the wire, from 0 to 1
    std::uint64_t seed = 0;             ///< the same seed loses the same packets of a sequence
  };
  /// Packets on the wire.
  struct Counts {
    std::uint64_t passed = 0;
    std::uint64_t passed_bytes = 0;
    std::uint64_t queue_dropped = 0;
    std::uint64_t lost = 0;
  };

  explicit LinkLane(const Setting& setting);

  /// What the sender puts onto the link. Segments that are lost or find the queue full are cut out.
  void enter(const LinkPacket& packet, Time now);

  /// When leave() has something; nothing while the lane is empty.
  std::optional<Time> due() const;
  /// The packet that is due, in the order they entered.
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
  Time line_free_{};  ///< when the line will have sent all that was admitted
  std::deque<Travelling> travelling_;
  Counts counts_;
};

}  // namespace sluice::bench
