#include "tools/databankd/http/server_threads.h"

namespace sluice::databankd {

ServerThreads::Held ServerThreads::take() {
  if (options_.count == 0 || !wait_for_one(Clock::time_point::max())) return {};
  return Held(*this);
}

bool ServerThreads::take_second() {
  if (options_.count == 0) return true;
  if (!wait_for_one(Clock::now() + options_.wait)) return false;
  release();
  return true;
}

void ServerThreads::end() {
  const MutexLock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

std::size_t ServerThreads::waiting() const {
  const MutexLock lock(mutex_);
  return queue_.size();
}

/// Returns whether a thread was assigned before the deadline and before end().
bool ServerThreads::wait_for_one(Clock::time_point deadline) {
  const MutexLock lock(mutex_);
  bool assigned = false;
  const auto entry = queue_.insert(queue_.end(), &assigned);
  assign_threads();
  while (!assigned && !ended_ && Clock::now() < deadline) {
    if (deadline == Clock::time_point::max())
      changed_.wait(mutex_);
    else
      (void)changed_.wait_until(mutex_, deadline);
  }
  if (!assigned) queue_.erase(entry);
  return assigned;
}

void ServerThreads::release() {
  const MutexLock lock(mutex_);
  ++free_;
  assign_threads();
}

void ServerThreads::assign_threads() {
  while (free_ > 0 && !queue_.empty()) {
    *queue_.front() = true;
    queue_.pop_front();
    --free_;
  }
  changed_.notify_all();
}

}  // namespace sluice::databankd
