#include "engine/journal_thread.h"

#include <cstddef>
#include <utility>

#include "io/signals_blocked.h"

namespace sluice {

JournalThread::JournalThread(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

JournalThread::~JournalThread() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void JournalThread::post(Work work, Done done) {
  MutexLock lock(mutex_);
  works_.push_back(std::move(work));
  dones_.push_back(std::move(done));
  changed_.notify_all();
}

void JournalThread::run() {
  while (true) {
    std::vector<Work> works;
    std::vector<Done> dones;
    {
      MutexLock lock(mutex_);
      while (works_.empty() && !stopping_) changed_.wait(mutex_);
      if (works_.empty()) return;
      works.swap(works_);
      dones.swap(dones_);
    }
    const std::vector<Result<void>> outcomes = journal_->together(works);
    for (std::size_t i = 0; i < dones.size(); ++i) dones[i](outcomes[i]);
  }
}

}  // namespace sluice
