#pragma once

#include <chrono>
#include <optional>

#include "tools/sluice/display/console.h"
#include "tools/sluice/display/interval_clock.h"

namespace sluice::cli {

/// Shows how far something is, as the console's kind of progress asks for: the live area each time;
/// in a log a line at the times of an IntervalClock. Takes the live area away at its end.
class ProgressDisplay {
 public:
  using Clock = IntervalClock::Clock;

  /// `interval`: between lines in a log; nothing for the usual ones.
  explicit ProgressDisplay(Console& console, std::optional<std::chrono::seconds> interval = {})
      : console_(console), next_line_(Clock::now(), interval) {}
  ~ProgressDisplay() { console_.clear_live(); }
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const ProgressView& view, Clock::time_point now);

 private:
  Console& console_;
  IntervalClock next_line_;
};

}  // namespace sluice::cli
