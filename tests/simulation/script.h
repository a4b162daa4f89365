#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "tests/simulation/bank.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/timeline.h"

namespace sluice::sim {

/// A fault that a test sets for certain requests.
struct Strike {
  Step step = Step::other;
  int occurrence = 0;  ///< index of the request among those of `step`, from 0; -1: all
  /// A fault of requests. With `swallowed_request`, the request arrives completely but is neither
  /// carried out nor answered.
  std::optional<Fault> fault = {};
  std::optional<Answer> answer = {};  ///< sent instead of the server's answer; excludes `fault`
  bool carried_out = false;           ///< with `answer`: the server carries out the request
  /// Offset in the body at which `cut_body`, `stalled_body` or `answer` take effect; nullopt: for
  /// `answer` after the whole request.
  std::optional<std::uint64_t> at = {};
  std::optional<Duration> takes = {};  ///< the server's time; nullopt: as usual
  std::function<void()> before = {};   ///< called when the server knows the step; may be empty
};

/// The faults that a test sets, and the times of the requests of each step. One thread.
class Script {
 public:
  void add(Strike strike) { strikes_.push_back(std::move(strike)); }
  /// Removes all strikes. The requests are still counted.
  void clear() { strikes_.clear(); }

  /// Records a request of `step` at `now`, and returns the strike that is due.
  std::optional<Strike> arrived(Step step, Clock::time_point now) {
    const auto occurrence = static_cast<int>(times_[step].size());
    times_[step].push_back(now);
    for (const Strike& strike : strikes_)
      if (strike.step == step && (strike.occurrence == -1 || strike.occurrence == occurrence))
        return strike;
    return {};
  }
  /// Returns the arrival times of the requests of `step`.
  const std::vector<Clock::time_point>& times(Step step) { return times_[step]; }
  std::size_t count(Step step) { return times_[step].size(); }

 private:
  std::vector<Strike> strikes_;
  std::map<Step, std::vector<Clock::time_point>> times_;
};

}  // namespace sluice::sim
