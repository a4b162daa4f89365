#pragma once

#include <chrono>

#include "tools/sluice/display/console.h"

namespace sluice::cli {

/// Shows how far something is, as often as the console's kind of progress asks for: the live
/// area each time; in a log a line after 10 s, then after twice the time each, at last every 5
/// minutes.
class ProgressLine {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ProgressLine(Console& console) : console_(console), next_(Clock::now() + interval_) {}
  ~ProgressLine() { console_.clear_live(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const ProgressView& view, Clock::time_point now);
  void show(const ProgressText& text, Clock::time_point now) { show(ProgressView{{}, text}, now); }

 private:
  Console& console_;
  std::chrono::seconds interval_{10};
  Clock::time_point next_;
};

}  // namespace sluice::cli
