#pragma once

#include <chrono>
#include <cstdint>

namespace sluice {

/// The send rate of an upload over the last 2 s. Performs no I/O and reads no clock. One thread at
/// a time.
class RateMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Adds a sample and returns the rate in bytes per second; 0 while the rate is unknown. `passed`:
  /// PayloadStream::passed().
  double look(std::uint64_t passed, Time now);
  /// Discards the measurements so far.
  void restart();

 private:
  Time since_{};            ///< start of the current interval; the epoch: none
  std::uint64_t from_ = 0;  ///< `passed` at since_
  double rate_ = 0;
};

}  // namespace sluice
