#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "engine/base/executor.h"
#include "engine/journal/journal.h"
#include "io/sync.h"

namespace sluice {

/// Writes to the Journal on a thread of its own: a write waits for the disk, and neither the
/// network thread nor a oneTBB worker ever does. All that is posted while the disk is waited for is
/// then one transaction, with one wait (Journal::together()). Where many small files share it, a
/// transaction costs more than what is in it: it waits for works of half of the writers, for
/// `patience` at most. 16 at a time then register a quarter more files a second (`small` in
/// bench/README.md).
///
/// With an Executor it has no thread: a transaction is one event, and those who wait for it are
/// told in another.
class JournalThread {
 public:
  using Work = Journal::Work;
  /// Is told what became of its work: once that is on the disk, or has left nothing.
  using Done = std::function<void(const Result<void>& written)>;

  /// Throws std::system_error where there is no thread to be had.
  explicit JournalThread(std::unique_ptr<Journal> journal,
                         std::chrono::nanoseconds patience = std::chrono::milliseconds(1));
  /// `executor` outlives it.
  JournalThread(std::unique_ptr<Journal> journal, Executor& executor);
  /// Does what is left at once, and joins.
  ~JournalThread();
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  /// Any thread: does `work` soon, in the order of the calls, and calls `done` after it. Both run
  /// on the journal's thread, not always one right after the other, and must not throw; `work` sees
  /// what earlier work has written, though that may not be on the disk yet.
  void post(Work work, Done done);

  /// There is one writer more for as long as the result is kept; it may outlive this. Any thread.
  std::shared_ptr<const void> writer() const { return writers_; }

  /// With an Executor: does all that was posted at once, on the caller's thread. Without one it has
  /// no effect, as the thread does it.
  void settle();

  /// Whether people are to be told that the journal cannot be written, or can again: once for all
  /// uploads, and not more than once a minute where both alternate. Any thread.
  bool is_news(bool failing);

  /// For those who may wait. Any thread.
  Journal& journal() { return *journal_; }

 private:
  void run();
  // With an Executor.
  void post_write();
  void write();
  void tell();

  const std::unique_ptr<Journal> journal_;
  const std::chrono::nanoseconds patience_;
  const std::shared_ptr<const void> writers_;  ///< who they are is of no interest, only how many
  Mutex mutex_;
  CondVar changed_;
  // Of each post() its work and, at the same place, whom to tell.
  std::vector<Work> works_ SLUICE_GUARDED_BY(mutex_);
  std::vector<Done> dones_ SLUICE_GUARDED_BY(mutex_);
  std::size_t wanted_ SLUICE_GUARDED_BY(mutex_) = 1;  ///< so many works wake the thread
  bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
  bool said_failing_ SLUICE_GUARDED_BY(mutex_) = false;
  std::optional<std::chrono::steady_clock::time_point> said_at_ SLUICE_GUARDED_BY(mutex_);

  Executor* const executor_ = nullptr;  ///< null: thread_ writes
  bool write_posted_ = false;
  /// Of the transaction that is on the disk, whom to tell what.
  std::vector<Done> written_;
  std::vector<Result<void>> outcomes_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< events hold it weakly

  std::thread thread_;
};

}  // namespace sluice
