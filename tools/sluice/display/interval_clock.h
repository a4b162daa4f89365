#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace sluice::cli {

/// Determines when the next progress line is due: every `interval`, or without one after 10 s, then
/// at doubling intervals up to 5 minutes. Not thread-safe.
class IntervalClock {
 public:
  using Clock = std::chrono::steady_clock;

  IntervalClock(Clock::time_point begin, std::optional<std::chrono::seconds> interval)
      : grows_(!interval), interval_(interval.value_or(first)), next_(begin + interval_) {}

  /// Starts the next interval if a line is due. Returns whether one was due.
  bool begin_if_due(Clock::time_point now) {
    if (now < next_) return false;
    if (grows_) interval_ = std::min(interval_ * 2, longest);
    // Count from the due time, to avoid drift; from now if the process was suspended for longer.
    next_ = next_ + interval_ > now ? next_ + interval_ : now + interval_;
    return true;
  }

 private:
  static constexpr std::chrono::seconds first{10};
  static constexpr std::chrono::seconds longest = std::chrono::minutes(5);

  const bool grows_;
  std::chrono::seconds interval_;
  Clock::time_point next_;
};

}  // namespace sluice::cli
