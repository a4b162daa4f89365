#pragma once

#include <chrono>
#include <optional>

#include "engine/report/report.h"

namespace sluice::cli {

/// Finds the current bottleneck of all transfers together. Times decay exponentially, with a time
/// constant of 10 seconds. Not thread-safe.
class BottleneckMeter {
 public:
  using Clock = std::chrono::steady_clock;

  /// `stages`: the times added since the last call.
  void update(Clock::time_point now, const Stages& stages);
  /// Returns the bottleneck; nullopt until the decayed time of the network stage and the server
  /// reaches half a second.
  std::optional<Bottleneck> bottleneck() const;

 private:
  std::optional<Clock::time_point> updated_;
  Stages recent_;
};

}  // namespace sluice::cli
