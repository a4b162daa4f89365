#pragma once

#include <algorithm>
#include <chrono>

#include "engine/base/clock.h"

namespace sluice::test {

/// The clock of the test's thread. Advances only when the test changes `now`.
class ManualClock final : public TimeSource {
 public:
  std::chrono::steady_clock::time_point steady_now() override { return now; }
  std::chrono::system_clock::time_point wall_now() override { return wall; }

  void pass_until(std::chrono::steady_clock::time_point when) override {
    now = std::max(now, when);
  }

  std::chrono::steady_clock::time_point now{std::chrono::seconds(1000)};
  std::chrono::system_clock::time_point wall{};

 private:
  const ScopedTimeSource scope_{*this};
};

}  // namespace sluice::test
