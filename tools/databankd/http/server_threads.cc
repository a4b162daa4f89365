#include "tools/databankd/http/server_threads.h"

namespace sluice::databankd {

ServerThreads::Held ServerThreads::take() {
  if (options_.count == 0 || !wait_for_one(Clock::time_point::max())) return {};
  return Held(*this);
}

bool ServerThreads::ask() {
  if (options_.count == 0) return true;
  if (!wait_for_one(Clock::now() + options_.wait)) return false;
  give_back();
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

/// Whether a thread was handed over before the deadline and before end().
bool ServerThreads::wait_for_one(Clock::time_point deadline) {
  const MutexLock lock(mutex_);
  bool handed_over = false;
  const auto place = queue_.insert(queue_.end(), &handed_over);
  hand_out();
  while (!handed_over && !ended_ && Clock::now() < deadline) {
    if (deadline == Clock::time_point::max())
      changed_.wait(mutex_);
    else
      (void)changed_.wait_until(mutex_, deadline);
  }
  if (!handed_over) queue_.erase(place);
  return handed_over;
}

void ServerThreads::give_back() {
  const MutexLock lock(mutex_);
  ++free_;
  hand_out();
}

void ServerThreads::hand_out() {
  while (free_ > 0 && !queue_.empty()) {
    *queue_.front() = true;
    queue_.pop_front();
    --free_;
  }
  changed_.notify_all();
}

}  // namespace sluice::databankd
