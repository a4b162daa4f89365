#pragma once

#include <algorithm>
#include <cstdint>

#include "tests/simulation/timeline.h"

namespace sluice::sim {

/// A network path from the client to the server: a queue in front of a line with a fixed rate, and
/// a round-trip time.
class Link {
 public:
  struct Setting {
    double rate = 1e6;  ///< bytes a second
    Duration round_trip = std::chrono::milliseconds(10);
    /// Bytes that may wait in front of the line; a TcpSender drops what does not fit.
    std::uint64_t queue = unlimited;
    double loss = 0;  ///< share of the packets of a TcpSender that are lost at random, below 1
  };
  static constexpr std::uint64_t unlimited = ~std::uint64_t{0};

  explicit Link(const Setting& setting) : setting_(setting) {}

  Duration round_trip() const { return setting_.round_trip; }
  /// Divides the rate by `factor` until `until`.
  void slow_down(double factor, Clock::time_point until) {
    factor_ = factor;
    slow_until_ = until;
  }
  /// Sends `bytes` bytes at `now`, after all that were sent before. Returns when the last of them
  /// arrives.
  Clock::time_point send(std::uint64_t bytes, Clock::time_point now) {
    const double rate = now < slow_until_ ? setting_.rate / factor_ : setting_.rate;
    const auto takes = Duration(static_cast<std::int64_t>(static_cast<double>(bytes) / rate * 1e9));
    free_at_ = std::max(free_at_, now) + takes;
    return free_at_ + setting_.round_trip / 2;
  }
  /// Returns how many more bytes may wait in front of the line at `now`.
  std::uint64_t queue_room(Clock::time_point now) const {
    if (setting_.queue == unlimited || free_at_ <= now) return setting_.queue;
    const double waiting = std::chrono::duration<double>(free_at_ - now).count() * setting_.rate;
    return setting_.queue - std::min(setting_.queue, static_cast<std::uint64_t>(waiting));
  }

 private:
  const Setting setting_;
  Clock::time_point free_at_{};
  double factor_ = 1;
  Clock::time_point slow_until_{};
};

/// The congestion window of one connection: how many bytes may be in flight. Doubles each round
/// trip up to `most` bytes, and is reset to `initial` bytes after a pause. Knows no losses.
class CongestionWindow {
 public:
  static constexpr std::uint64_t initial = 10 * 1460;

  explicit CongestionWindow(std::uint64_t most) : most_(most) {}

  bool has_room() const { return under_way_ < window_; }
  std::uint64_t room() const { return has_room() ? window_ - under_way_ : 0; }
  std::uint64_t under_way() const { return under_way_; }
  void sent(std::uint64_t bytes, Clock::time_point now, Duration round_trip) {
    if (under_way_ == 0 && now - last_ > 4 * round_trip + std::chrono::milliseconds(200))
      window_ = initial;
    under_way_ += bytes;
    last_ = now;
  }
  void acknowledged(std::uint64_t bytes) {
    under_way_ -= std::min(under_way_, bytes);
    window_ = std::min(most_, window_ + bytes);
  }

 private:
  const std::uint64_t most_;
  std::uint64_t window_ = initial;
  std::uint64_t under_way_ = 0;
  Clock::time_point last_{};
};

}  // namespace sluice::sim
