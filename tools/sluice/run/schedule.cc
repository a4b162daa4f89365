#include "tools/sluice/run/schedule.h"

#include <utility>

namespace sluice::cli {

Schedule::Schedule(std::vector<std::string> keys) : keys_(std::move(keys)) {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i].empty()) {
      ready_.insert(i);
      continue;
    }
    const auto [queue, inserted] = waiting_.try_emplace(keys_[i]);
    if (inserted)
      ready_.insert(i);
    else
      queue->second.push_back(i);
  }
}

std::optional<std::size_t> Schedule::next() {
  if (ready_.empty()) return {};
  return ready_.extract(ready_.begin()).value();
}

void Schedule::ended(std::size_t index) {
  if (keys_[index].empty()) return;
  std::deque<std::size_t>& queue = waiting_[keys_[index]];
  if (queue.empty()) return;
  ready_.insert(queue.front());
  queue.pop_front();
}

}  // namespace sluice::cli
