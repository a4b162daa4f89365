#include "engine/base/mailbox.h"

#include <utility>

namespace sluice {

void Mailbox::post(Work work) {
  MutexLock lock(mutex_);
  posted_.push_back(std::move(work));
}

void Mailbox::post_at(Clock::time_point when, Work work) {
  MutexLock lock(mutex_);
  timed_.emplace(when, std::move(work));
}

void Mailbox::run_due(Clock::time_point now) {
  std::vector<Work> due;
  {
    MutexLock lock(mutex_);
    due.swap(posted_);
    const auto end = timed_.upper_bound(now);
    for (auto at = timed_.begin(); at != end; ++at) due.push_back(std::move(at->second));
    timed_.erase(timed_.begin(), end);
  }
  for (Work& work : due) work();
}

bool Mailbox::run_all() {
  const auto anything = [this] {
    MutexLock lock(mutex_);
    return !posted_.empty() || !timed_.empty();
  };
  bool did_any = false;
  for (; anything(); did_any = true) run_due(Clock::time_point::max());
  return did_any;
}

std::optional<Mailbox::Clock::time_point> Mailbox::next_due() const {
  MutexLock lock(mutex_);
  if (timed_.empty()) return {};
  return timed_.begin()->first;
}

}  // namespace sluice
