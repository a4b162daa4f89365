#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice {

/// How many lanes there are to be, where nobody has asked for a number: engine/upload/lanes.h has
/// the rule. One thread at a time.
class LaneCount {
 public:
  using Clock = std::chrono::steady_clock;

  /// What is seen of all lanes together.
  struct Sample {
    Clock::time_point at;
    std::uint64_t sent = 0;  ///< bytes that went out since the first lane began; only grows
    /// Of the lanes' connections, on average; nothing, or 0, where the kernel does not tell.
    std::optional<std::chrono::microseconds> round_trip{};
    std::optional<std::chrono::microseconds> least_round_trip{};
    std::uint64_t sent_again = 0;  ///< packets of these connections
  };

  /// `first`: to begin with, at least 1; `most`: at least `first`.
  LaneCount(unsigned first, unsigned most) : lanes_(first), most_(most) {}

  /// To be called some times a second, each time later; returns how many there are to be from now
  /// on, which never is less than before.
  unsigned look(const Sample& sample);

  unsigned lanes() const { return lanes_; }
  /// Nothing will change any more.
  bool decided() const { return decided_ || lanes_ >= most_; }

 private:
  void measure_from(const Sample& sample);
  void judge(double rate);
  void twice_as_many(double rate);

  unsigned lanes_;
  const unsigned most_;
  bool decided_ = false;
  bool doubled_ = false;         ///< and nobody knows yet whether it paid
  bool open_ = false;            ///< the windows of all lanes, as far as can be told
  double rate_before_ = 0;       ///< bytes a second, with half as many
  unsigned full_ = 0;            ///< measurements in a row that saw a full link
  Clock::time_point since_{};    ///< of the opening, then of the measurement
  std::uint64_t sent_then_ = 0;  ///< at since_
  double queued_ = 0;            ///< sum of the measurement's samples: round trips by the least
  unsigned queue_samples_ = 0;
  bool begun_ = false;
};

}  // namespace sluice
