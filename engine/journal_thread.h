#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "engine/journal.h"
#include "io/sync.h"

namespace sluice {

/// Writes to the Journal on a thread of its own: a write waits for the disk, and neither the
/// network thread nor a oneTBB worker ever does.
class JournalThread {
 public:
  using Work = std::function<void(Journal&)>;

  /// Throws std::system_error where there is no thread to be had.
  explicit JournalThread(std::unique_ptr<Journal> journal);
  /// Does what is left, and joins.
  ~JournalThread();
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  /// Any thread: runs `work` soon, in the order of the calls. It must not throw.
  void post(Work work);

  /// For those who may wait. Any thread.
  Journal& journal() { return *journal_; }

 private:
  void run();

  const std::unique_ptr<Journal> journal_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Work> posted_ SLUICE_GUARDED_BY(mutex_);
  bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sluice
