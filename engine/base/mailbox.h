#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "io/sync.h"

namespace sluice {

/// What other threads, and the clock, want done on the network thread. Not a thread itself: the
/// network thread looks into it between two looks at its sockets.
class Mailbox {
 public:
  using Clock = std::chrono::steady_clock;
  using Work = std::function<void()>;

  /// Any thread.
  void post(Work work);
  /// Any thread: not before `when`.
  void post_at(Clock::time_point when, Work work);

  /// The network thread: does what was there when it was called, in the order of the calls, and
  /// then what is due by `now`, in the order of the times. Work may post more, which is for the
  /// next call.
  void run_due(Clock::time_point now);
  /// The network thread: does everything that is left, due or not, until nothing is. Returns
  /// whether there was anything.
  bool run_all();
  /// When the next thing is due; nothing where nothing waits for a time. Any thread.
  std::optional<Clock::time_point> next_due() const;

 private:
  mutable Mutex mutex_;
  std::vector<Work> posted_ SLUICE_GUARDED_BY(mutex_);
  std::multimap<Clock::time_point, Work> timed_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
