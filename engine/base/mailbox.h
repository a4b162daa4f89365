#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "io/sync.h"

namespace sluice {

/// A queue of work for the network thread, posted by other threads or due at a given time. It has
/// no thread of its own: the network thread calls run_due() between two polls of its sockets.
class Mailbox {
 public:
  using Clock = std::chrono::steady_clock;
  using Work = std::function<void()>;

  /// Queues `work` for the next run_due(). Any thread.
  void post(Work work);
  /// Queues `work` to run at `when` or later. Any thread.
  void post_at(Clock::time_point when, Work work);

  /// Runs the work that was posted before this call, in the order of the post() calls, and then the
  /// timed work that is due by `now`, in the order of the due times. Work that is posted while it
  /// runs stays queued for the next call. Network thread only.
  void run_due(Clock::time_point now);
  /// Runs all work, due or not, including the work that is posted meanwhile, until the queue is
  /// empty. Returns whether any work was run. Network thread only, or, after that thread has ended,
  /// the thread that joined it.
  bool run_all();
  /// Returns the earliest due time of the timed work; nullopt if no timed work is queued. Any
  /// thread.
  std::optional<Clock::time_point> next_due() const;

 private:
  mutable Mutex mutex_;
  std::vector<Work> posted_ SLUICE_GUARDED_BY(mutex_);  ///< in the order of post()
  std::multimap<Clock::time_point, Work> timed_ SLUICE_GUARDED_BY(mutex_);  ///< by due time
};

}  // namespace sluice
