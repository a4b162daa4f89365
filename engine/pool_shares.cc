#include "engine/pool_shares.h"

#include <algorithm>

namespace sluice {

std::unique_ptr<PoolShares::Share> PoolShares::add() {
  std::unique_ptr<Share> share(new Share(*this, BufferPool::share(pool_, pool_.count())));
  const MutexLock lock(mutex_);
  running_.push_back(share.get());
  ++started_;
  divide();
  return share;
}

void PoolShares::remove(Share& share) {
  const MutexLock lock(mutex_);
  if (std::erase(running_, &share) == 0) return;
  if (running_.empty()) started_ = 0;
  divide();
}

void PoolShares::divide() {
  if (running_.empty()) return;
  // Those that are still to come find nothing where these have taken it.
  const std::size_t expected = started_ < at_a_time_ ? at_a_time_ : 1;
  const std::size_t each = pool_.count() / std::max(running_.size(), expected);
  for (Share* share : running_) share->buffers().resize_share(std::max(least_, each));
}

}  // namespace sluice
