#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "engine/journal.h"
#include "io/sync.h"

namespace sluice {

/// Writes to the Journal on a thread of its own: a write waits for the disk, and neither the
/// network thread nor a oneTBB worker ever does. All that is posted while the disk is waited for is
/// then one transaction, with one wait (Journal::together()).
class JournalThread {
 public:
  using Work = Journal::Work;
  /// Is told what became of its work: once that is on the disk, or has left nothing.
  using Done = std::function<void(const Result<void>& written)>;

  /// Throws std::system_error where there is no thread to be had.
  explicit JournalThread(std::unique_ptr<Journal> journal);
  /// Does what is left, and joins.
  ~JournalThread();
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  /// Any thread: does `work` soon, in the order of the calls, and calls `done` after it. Both run
  /// on the journal's thread, not always one right after the other, and must not throw; `work` sees
  /// what earlier work has written, though that may not be on the disk yet.
  void post(Work work, Done done);

  /// For those who may wait. Any thread.
  Journal& journal() { return *journal_; }

 private:
  void run();

  const std::unique_ptr<Journal> journal_;
  Mutex mutex_;
  CondVar changed_;
  // Of each post() its work and, at the same place, whom to tell.
  std::vector<Work> works_ SLUICE_GUARDED_BY(mutex_);
  std::vector<Done> dones_ SLUICE_GUARDED_BY(mutex_);
  bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sluice
