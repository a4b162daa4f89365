#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice::cli {

/// Estimates the remaining time of a run once a minute from its average rate, for decisions about
/// hours; ProgressMeter (engine/upload/progress_meter.h) uses the last seconds. One thread at a
/// time.
class TimeLeft {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr auto interval = std::chrono::minutes(1);

  /// `done` of `total` bytes are done. Returns seconds if an estimate is due and bytes were sent
  /// since the first call.
  std::optional<double> update(Clock::time_point now, std::uint64_t done, std::uint64_t total);

 private:
  std::optional<Clock::time_point> begin_;
  Clock::time_point due_ = {};
  std::uint64_t done_at_begin_ = 0;
};

}  // namespace sluice::cli
