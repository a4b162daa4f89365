#pragma once

#include <chrono>
#include <optional>

#include "engine/report/report.h"

namespace sluice::cli {

/// Which stage the others have waited for lately, over all transfers: what counts is the last 10
/// seconds, and older times ever less. Not thread safe.
class BottleneckMeter {
 public:
  using Clock = std::chrono::steady_clock;

  /// `stages`: the times that were added since the last call.
  void update(Clock::time_point now, const Stages& stages);
  /// Nothing until the network side has been counted for half a second.
  std::optional<Bottleneck> bottleneck() const;

 private:
  std::optional<Clock::time_point> updated_;
  Stages lately_;
};

}  // namespace sluice::cli
