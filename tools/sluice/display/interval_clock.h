#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace sluice::cli {

/// Says when the next line of progress goes into a log: each `interval`, or, if there is none,
/// after 10 s, then after twice the time each, at last every 5 minutes. Not thread safe.
class IntervalClock {
 public:
  using Clock = std::chrono::steady_clock;

  IntervalClock(Clock::time_point begin, std::optional<std::chrono::seconds> interval)
      : grows_(!interval), interval_(interval.value_or(first)), next_(begin + interval_) {}

  /// Whether the time has come; then the next interval begins.
  bool is_due(Clock::time_point now) {
    if (now < next_) return false;
    if (grows_) interval_ = std::min(interval_ * 2, longest);
    // Counted from when it was due, so that no time is lost at each; from now if the program was
    // stopped for longer.
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
