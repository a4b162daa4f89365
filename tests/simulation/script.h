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

/// A fault that a test orders for one request, without any dice.
struct Strike {
  Step step = Step::other;
  int occurrence = 0;  ///< the number of the request among those of the step; -1: all
  /// One of those that strike requests. `swallowed_request` lets all of it arrive, and nothing is
  /// carried out.
  std::optional<Fault> fault = {};
  std::optional<Answer> answer = {};  ///< sent in place of the server's answer; no `fault` then
  bool carried_out = false;           ///< whether the server carries out what `answer` answers
  /// The offset in the body at which `cut_body`, `stalled_body` or `answer` strike.
  std::optional<std::uint64_t> at = {};
  std::optional<Duration> takes = {};  ///< the time that the server takes
  std::function<void()> before = {};   ///< called when the server sees what the request is about
};

/// The faults that a test orders, and when each request came. One thread.
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
  /// Returns when the requests of `step` came.
  const std::vector<Clock::time_point>& times(Step step) { return times_[step]; }
  std::size_t count(Step step) { return times_[step].size(); }

 private:
  std::vector<Strike> strikes_;
  std::map<Step, std::vector<Clock::time_point>> times_;
};

}  // namespace sluice::sim
