#include "engine/http/rate_limiter.h"

#include <algorithm>

namespace sluice {
namespace {

/// The smallest grant, in bytes: less is not worth a system call and a wake-up.
constexpr double least_grant = 16.0 * 1024;

}  // namespace

RateLimiter::RateLimiter(std::uint64_t bytes_per_second)
    : rate_(static_cast<double>(bytes_per_second)), burst_(std::max(rate_ / 8, least_grant)) {}

std::size_t RateLimiter::take(std::size_t wanted, Clock::time_point now) {
  if (rate_ == 0) return wanted;
  const MutexLock lock(mutex_);
  now = std::max(now, filled_);  // threads may call with times out of order
  if (filled_ != Clock::time_point{})
    level_ =
        std::min(burst_, level_ + rate_ * std::chrono::duration<double>(now - filled_).count());
  filled_ = now;
  if (level_ < std::min(least_grant, static_cast<double>(wanted))) return 0;
  const std::size_t granted = std::min(wanted, static_cast<std::size_t>(level_));
  level_ -= static_cast<double>(granted);
  return granted;
}

void RateLimiter::give_back(std::size_t bytes) {
  if (rate_ == 0) return;
  const MutexLock lock(mutex_);
  level_ = std::min(burst_, level_ + static_cast<double>(bytes));
}

RateLimiter::Clock::time_point RateLimiter::next(std::size_t wanted, Clock::time_point now) const {
  if (rate_ == 0) return now;
  const MutexLock lock(mutex_);
  const double missing = std::max(0.0, std::min(least_grant, static_cast<double>(wanted)) - level_);
  // 100 us late rather than early: an early retry gets 0 bytes and must retry again.
  return now +
         std::chrono::duration_cast<Clock::duration>(
             std::chrono::duration<double>(missing / rate_)) +
         std::chrono::microseconds(100);
}

}  // namespace sluice
