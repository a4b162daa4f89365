#pragma once

#include <chrono>
#include <optional>

#include "tools/sluice/display/console.h"
#include "tools/sluice/display/interval_clock.h"

namespace sluice::cli {

/// Shows progress in the console's mode: updates the live area at each call, or prints a line in a
/// log at the times of an IntervalClock. The destructor removes the live area.
class ProgressDisplay {
 public:
  using Clock = IntervalClock::Clock;

  /// `interval`: between lines in a log; nullopt for the default.
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
