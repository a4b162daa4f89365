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

/// A thread that writes to the Journal for all uploads, because a write waits for the disk, and
/// neither the network thread nor a oneTBB worker may block. All work that is posted during a write
/// becomes one transaction, with one wait for the disk (Journal::together()). Where many small
/// files share the journal, a transaction costs more than the work in it. So the thread first waits
/// until half of the writers have posted work, for `max_wait` at most: with 16 concurrent uploads,
/// a quarter more files are registered per second (`small` in bench/README.md).
///
/// With an Executor there is no thread: a transaction is one event, and the Done functions are
/// called in another event.
class JournalThread {
 public:
  using Work = Journal::Work;
  /// Receives the result of its work, when the work is on the disk or has left no changes.
  using Done = std::function<void(const Result<void>& written)>;

  /// Starts the thread. Throws std::system_error if the system has no thread. `max_wait`: the
  /// maximum time for which a transaction waits for more work.
  explicit JournalThread(std::unique_ptr<Journal> journal,
                         std::chrono::nanoseconds max_wait = std::chrono::milliseconds(1));
  /// `executor`: must outlive this object.
  JournalThread(std::unique_ptr<Journal> journal, Executor& executor);
  /// Writes all pending work, and joins the thread.
  ~JournalThread();
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  /// Queues `work`, which runs in the order of the calls, and `done`, which is called after it. Any
  /// thread. Both run on the journal's thread, not always one right after the other, and must not
  /// throw. `work` sees the changes of earlier work, which may not be on the disk yet.
  void post(Work work, Done done);

  /// Counts one more writer for as long as the result is kept; the result may outlive this object.
  /// Any thread.
  std::shared_ptr<const void> writer() const { return writers_; }

  /// With an Executor: writes all pending work at once, on the caller's thread. Without an
  /// Executor: no effect, as the thread does the work.
  void write_pending();

  /// Returns whether the user is to be told that the journal cannot be written (`failing`), or can
  /// be written again: once for all uploads, and at most once a minute if both alternate. Any
  /// thread.
  bool is_news(bool failing);

  /// Returns the journal, for callers that may block. Any thread.
  Journal& journal() { return *journal_; }

 private:
  void run();
  // With an Executor: the events.
  void post_write();
  void write();
  void tell();

  const std::unique_ptr<Journal> journal_;
  const std::chrono::nanoseconds max_wait_;
  const std::shared_ptr<const void> writers_;  ///< counts the writers by its references
  Mutex mutex_;
  CondVar changed_;
  // For each post(), its work and, at the same index, its Done function.
  std::vector<Work> works_ SLUICE_GUARDED_BY(mutex_);
  std::vector<Done> dones_ SLUICE_GUARDED_BY(mutex_);
  std::size_t wanted_ SLUICE_GUARDED_BY(mutex_) = 1;  ///< number of works that wakes the thread
  bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
  bool said_failing_ SLUICE_GUARDED_BY(mutex_) = false;
  std::optional<std::chrono::steady_clock::time_point> said_at_ SLUICE_GUARDED_BY(mutex_);

  Executor* const executor_ = nullptr;  ///< null: thread_ writes
  bool write_posted_ = false;
  /// The Done functions of the transaction that was written, and their results.
  std::vector<Done> written_;
  std::vector<Result<void>> outcomes_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< events hold it weakly

  std::thread thread_;
};

}  // namespace sluice
