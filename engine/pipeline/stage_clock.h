#pragma once

#include <chrono>

#include "engine/base/clock.h"
#include "io/sync.h"

namespace sluice {

/// A clock for one stage: the time during which at least one thread was inside the stage. Each
/// moment counts once, however many threads are inside. Thread safe.
class StageClock {
 public:
  using Clock = std::chrono::steady_clock;

  void enter() {
    const auto now = steady_now();
    MutexLock lock(mutex_);
    if (inside_++ == 0) since_ = now;
  }
  void leave() {
    const auto now = steady_now();
    MutexLock lock(mutex_);
    if (--inside_ == 0) total_ += now - since_;
    left_ = now;
  }
  /// Returns the time of the last leave(); the epoch if there was none.
  Clock::time_point last_left() const {
    MutexLock lock(mutex_);
    return left_;
  }
  double seconds() const {
    const auto now = steady_now();
    MutexLock lock(mutex_);
    return std::chrono::duration<double>(total_ + (inside_ > 0 ? now - since_ : Clock::duration{}))
        .count();
  }

 private:
  mutable Mutex mutex_;
  int inside_ SLUICE_GUARDED_BY(mutex_) = 0;
  Clock::time_point since_ SLUICE_GUARDED_BY(mutex_){};
  Clock::time_point left_ SLUICE_GUARDED_BY(mutex_){};
  Clock::duration total_ SLUICE_GUARDED_BY(mutex_){};
};

/// Enters a StageClock for a scope.
class Inside {
 public:
  explicit Inside(StageClock& clock) : clock_(clock) { clock_.enter(); }
  ~Inside() { clock_.leave(); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  StageClock& clock_;
};

}  // namespace sluice
