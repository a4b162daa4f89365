#include "engine/journal/journal_thread.h"

#include <cstddef>
#include <utility>

#include "engine/base/clock.h"
#include "io/signals_blocked.h"

namespace sluice {

JournalThread::JournalThread(std::unique_ptr<Journal> journal, std::chrono::nanoseconds max_wait)
    : journal_(std::move(journal)), max_wait_(max_wait), writers_(std::make_shared<int>()) {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

JournalThread::JournalThread(std::unique_ptr<Journal> journal, Executor& executor)
    : journal_(std::move(journal)),
      max_wait_(0),
      writers_(std::make_shared<int>()),
      executor_(&executor) {}

JournalThread::~JournalThread() {
  write_pending();
  if (!thread_.joinable()) return;
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
  if (works_.size() == wanted_) changed_.notify_all();
  if (executor_ != nullptr) post_write();
}

void JournalThread::post_write() {
  if (std::exchange(write_posted_, true)) return;
  executor_->post(Executor::Work::write, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) write();
  });
}

void JournalThread::write() {
  if (!written_.empty()) return;  // the pending tell() event continues
  std::vector<Work> works;
  {
    MutexLock lock(mutex_);
    works.swap(works_);
    written_.swap(dones_);
  }
  if (works.empty()) {
    write_posted_ = false;
    return;
  }
  outcomes_ = journal_->together(works);
  executor_->post(Executor::Work::written, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) tell();
  });
}

void JournalThread::tell() {
  if (written_.empty()) return;
  const std::vector<Done> dones = std::exchange(written_, {});
  const std::vector<Result<void>> outcomes = std::exchange(outcomes_, {});
  for (std::size_t i = 0; i < dones.size(); ++i) dones[i](outcomes[i]);
  write_posted_ = false;
  MutexLock lock(mutex_);
  if (!works_.empty()) post_write();
}

void JournalThread::write_pending() {
  if (executor_ == nullptr) return;
  while (true) {
    tell();
    {
      MutexLock lock(mutex_);
      if (works_.empty()) return;
    }
    write();
  }
}

bool JournalThread::is_news(bool failing) {
  constexpr std::chrono::minutes least_pause{1};
  const auto now = steady_now();
  MutexLock lock(mutex_);
  if (failing == said_failing_) return false;
  if (failing && said_at_ && now - *said_at_ < least_pause) return false;
  said_failing_ = failing;
  if (failing) said_at_ = now;
  return true;
}

void JournalThread::run() {
  while (true) {
    std::vector<Work> works;
    std::vector<Done> dones;
    {
      MutexLock lock(mutex_);
      wanted_ = 1;
      while (works_.empty() && !stopping_) changed_.wait(mutex_);
      if (works_.empty()) return;
      wanted_ = static_cast<std::size_t>(writers_.use_count() - 1) / 2;
      const auto until = steady_now() + max_wait_;
      while (works_.size() < wanted_ && !stopping_ && changed_.wait_until(mutex_, until)) {
      }
      works.swap(works_);
      dones.swap(dones_);
    }
    const std::vector<Result<void>> outcomes = journal_->together(works);
    for (std::size_t i = 0; i < dones.size(); ++i) dones[i](outcomes[i]);
  }
}

}  // namespace sluice
