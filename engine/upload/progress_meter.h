#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace sluice {

/// Turns "so many bytes by now" into a rate that people can read and a time left that does not
/// jump: the mean over the last 10 seconds. Not thread safe.
class ProgressMeter {
 public:
  using Clock = std::chrono::steady_clock;

  /// `bytes`: moved so far. It may go back, when something is sent again; the rate starts over
  /// then.
  void update(Clock::time_point now, std::uint64_t bytes);

  /// Bytes a second; 0 until two updates are a tenth of a second apart.
  double rate() const;
  /// Seconds that so many bytes take at this rate; nothing while the rate is 0.
  std::optional<double> seconds_for(std::uint64_t bytes) const;

 private:
  struct Sample {
    Clock::time_point at;
    std::uint64_t bytes;
  };
  std::deque<Sample> samples_;  ///< oldest first, the last 10 s and one before
};

}  // namespace sluice
