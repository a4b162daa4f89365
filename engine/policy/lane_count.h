#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice {

/// The rule for the number of lanes where the user did not request one; engine/upload/lanes.h
/// describes the rule. One thread at a time.
class LaneCount {
 public:
  using Clock = std::chrono::steady_clock;

  /// A measurement of all lanes together.
  struct Sample {
    Clock::time_point at;
    std::uint64_t sent = 0;  ///< bytes sent since the first lane began; only grows
    /// The averages over the lanes' connections; nullopt, or 0, if the kernel does not report them.
    std::optional<std::chrono::microseconds> round_trip{};
    std::optional<std::chrono::microseconds> least_round_trip{};
    std::uint64_t sent_again = 0;  ///< retransmitted packets of these connections
  };

  /// `first`: the number of lanes at the start, at least 1; `most`: the maximum, at least `first`.
  LaneCount(unsigned first, unsigned most) : lanes_(first), most_(most) {}

  /// Evaluates a measurement and returns the number of lanes from now on, which never decreases. To
  /// be called a few times per second, with growing times.
  unsigned look(const Sample& sample);

  unsigned lanes() const { return lanes_; }
  /// Returns whether the number of lanes is final.
  bool decided() const { return decided_ || lanes_ >= most_; }

 private:
  void measure_from(const Sample& sample);
  void judge(double rate);
  void twice_as_many(double rate);

  unsigned lanes_;
  const unsigned most_;
  bool decided_ = false;
  bool doubled_ = false;         ///< the last doubling was not judged yet
  bool open_ = false;            ///< the congestion windows of all lanes are open, as far as known
  double rate_before_ = 0;       ///< bytes per second with half as many lanes
  unsigned full_ = 0;            ///< consecutive measurements of a full link
  Clock::time_point since_{};    ///< start of the opening phase, then of the measurement
  std::uint64_t sent_then_ = 0;  ///< Sample::sent at since_
  /// sum over the samples of this measurement: round trip divided by the shortest one
  double queued_ = 0;
  unsigned queue_samples_ = 0;
  bool begun_ = false;
};

}  // namespace sluice
