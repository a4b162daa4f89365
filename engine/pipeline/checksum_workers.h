#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <memory>

#include "engine/base/executor.h"

namespace sluice {

/// Runs the checksums of every upload on oneTBB workers. Workers compute; they never wait on a
/// disk, a queue or the network. Thread safe.
class ChecksumWorkers {
 public:
  /// At most so many: they hash 5 GB/s each and more, which is far more than a network takes.
  static constexpr int most = 16;

  /// `threads`: how many are wanted; 0 for none. Takes fewer, or none, where a limit (ulimit -u, a
  /// container's) leaves fewer: oneTBB's workers start each other, and one that cannot ends the
  /// process. So threads are tried here, as many more as an engine has others besides.
  explicit ChecksumWorkers(int threads);
  /// No workers: whoever has work does it himself, in events of `executor`, which outlives this.
  explicit ChecksumWorkers(Executor& executor) : executor_(&executor) {}

  /// What pipelines and second readings run on; null: on threads of their own.
  Executor* executor() const { return executor_; }

  /// Whether there is one. Where not, whoever has work does it himself.
  bool available() const { return arena_ && !broken_; }

  /// Runs `task` soon; only while available(). The task must not throw. enqueue() is kept even
  /// where oneTBB has no worker of its own (one core): it makes one. Throws where oneTBB cannot
  /// start its first one; it never runs a task after that, so there are none from then on.
  template <class Task>
  void run(Task task) {
    try {
      arena_->enqueue(task);
    } catch (...) {
      broken_ = true;
      throw;
    }
  }

 private:
  /// oneTBB counts the calling thread among its own and would start one worker fewer; our callers
  /// never join in.
  std::unique_ptr<oneapi::tbb::global_control> limit_;
  std::unique_ptr<oneapi::tbb::task_arena> arena_;  ///< null for none
  std::atomic<bool> broken_{false};
  Executor* const executor_ = nullptr;
};

}  // namespace sluice
