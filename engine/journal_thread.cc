#include "engine/journal_thread.h"

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

void JournalThread::post(Work work) {
  MutexLock lock(mutex_);
  posted_.push_back(std::move(work));
  changed_.notify_all();
}

void JournalThread::run() {
  while (true) {
    Work work;
    {
      MutexLock lock(mutex_);
      while (posted_.empty() && !stopping_) changed_.wait(mutex_);
      if (posted_.empty()) return;
      work = std::move(posted_.front());
      posted_.pop_front();
    }
    work(*journal_);
  }
}

}  // namespace sluice
