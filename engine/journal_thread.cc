#include "engine/journal_thread.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace sluice {

JournalThread::JournalThread(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
