#pragma once

#include <chrono>

#include "engine/base/clock.h"
#include "io/sync.h"

namespace sluice {

/// Seconds that something was going on: in at least one of any number of threads at once, each
/// moment counted once. Thread safe.
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
  /// When the last thread left; the epoch if none has.
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
