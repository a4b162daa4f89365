#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "io/sync.h"

namespace sluice {

/// A token bucket over the bytes of all request bodies that the process sends: the mean rate over
/// any second is at most the limit, and a burst is at most an eighth of a second's worth (but at
/// least 16 KiB). curl's own limit applies to each request separately and starts each with an empty
/// count, so that small chunks would never be limited.
///
/// Thread safe: all network threads share one bucket.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  /// `bytes_per_second`: 0 for no limit.
  explicit RateLimiter(std::uint64_t bytes_per_second);

  /// Takes up to `wanted` bytes. Returns the number of bytes that may be sent now, which can be 0.
  std::size_t take(std::size_t wanted, Clock::time_point now);
  /// Returns bytes that were taken but not sent.
  void give_back(std::size_t bytes);
  /// Returns the time at which to retry a take() of `wanted` bytes that returned 0.
  Clock::time_point next(std::size_t wanted, Clock::time_point now) const;

 private:
  const double rate_;   ///< bytes per second; 0 for no limit
  const double burst_;  ///< bytes
  mutable Mutex mutex_;
  double level_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< bytes that may be sent now
  Clock::time_point filled_ SLUICE_GUARDED_BY(mutex_){};
};

}  // namespace sluice
