#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace sluice {

/// A smoothed transfer rate for the progress display: the mean over the last 10 s, so that the
/// remaining time does not jump. Not thread safe.
class ProgressMeter {
 public:
  using Clock = std::chrono::steady_clock;

  /// Adds a sample. `bytes`: total transferred so far. A value below the previous one (bytes that
  /// are sent again) restarts the measurement.
  void update(Clock::time_point now, std::uint64_t bytes);

  /// Returns bytes per second; 0 until the samples span at least 0.1 s.
  double rate() const;
  /// Returns how many seconds `bytes` take at this rate; empty while the rate is 0.
  std::optional<double> seconds_for(std::uint64_t bytes) const;

 private:
  struct Sample {
    Clock::time_point at;
    std::uint64_t bytes;
  };
  std::deque<Sample> samples_;  ///< oldest first: the last 10 s and one sample before
};

}  // namespace sluice
