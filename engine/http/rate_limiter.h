#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "io/sync.h"

namespace sluice {

/// A token bucket over all bytes that leave the process: the mean rate over any second is the limit
/// or less, and no more than an eighth of a second's worth (but at least 16 KiB) goes out at once.
/// curl's own limit is per request and starts each with a free buffer, which small chunks would
/// turn into no limit.
///
/// Thread safe: all network threads take from the same bucket.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  /// 0: no limit.
  explicit RateLimiter(std::uint64_t bytes_per_second);

  /// Takes up to `wanted` bytes; the answer, which may be 0, is how many may go now.
  std::size_t take(std::size_t wanted, Clock::time_point now);
  /// Returns what was taken and not used.
  void give_back(std::size_t bytes);
  /// When a take() of `wanted` bytes that got nothing is worth another try.
  Clock::time_point next(std::size_t wanted, Clock::time_point now) const;

 private:
  const double rate_;   ///< bytes a second; 0 for none
  const double burst_;  ///< bytes
  mutable Mutex mutex_;
  double level_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< bytes that may go now
  Clock::time_point filled_ SLUICE_GUARDED_BY(mutex_){};
};

}  // namespace sluice
