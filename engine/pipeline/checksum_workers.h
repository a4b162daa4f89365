#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <memory>

#include "engine/base/executor.h"

namespace sluice {

/// A pool of oneTBB worker threads that computes the checksums of all uploads. A worker only
/// computes: it never blocks on a disk, a queue or the network. Thread safe.
class ChecksumWorkers {
 public:
  /// The maximum number of workers. Each worker hashes 5 GB/s or more, which is far more than a
  /// network takes.
  static constexpr int most = 16;

  /// Starts up to `threads` workers, at most `most`; 0 starts none. Starts fewer workers, or none,
  /// where a limit on threads (ulimit -u, a container's limit) leaves room for fewer.
  ///
  /// oneTBB's workers start each other, and a worker that cannot start the next one ends the
  /// process. So the constructor first starts and joins as many plain threads as there will be
  /// workers, plus 20 for the other threads of an engine.
  explicit ChecksumWorkers(int threads);
  /// Starts no workers. The code that has work runs the work itself, in events of `executor`, which
  /// must outlive this object.
  explicit ChecksumWorkers(Executor& executor) : executor_(&executor) {}

  /// Returns the executor on which pipelines and second readings run; null if they have their own
  /// threads.
  Executor* executor() const { return executor_; }

  /// Returns whether there are workers. If not, the caller computes the checksum itself.
  bool available() const { return arena_ && !broken_; }

  /// Queues `task` for a worker. May be called only while available(). `task` must not throw.
  /// Throws if oneTBB cannot start its first worker. oneTBB never runs a task after that, so
  /// available() is false from then on.
  ///
  /// enqueue() runs the task even where oneTBB has no worker of its own (one core), because
  /// enqueue() then creates one.
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
  /// The limit on oneTBB's threads: the number of workers and one more. oneTBB counts the calling
  /// thread as a worker and would start one worker fewer; our callers never join the arena.
  std::unique_ptr<oneapi::tbb::global_control> limit_;
  std::unique_ptr<oneapi::tbb::task_arena> arena_;  ///< null if there are no workers
  std::atomic<bool> broken_{false};
  Executor* const executor_ = nullptr;
};

}  // namespace sluice
