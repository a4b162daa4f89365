#include "engine/pipeline/pool_shares.h"

#include <algorithm>

namespace sluice {
namespace {

/// In buffers: one to read into and one to send from.
constexpr std::size_t least_share = 2;

}  // namespace

std::unique_ptr<PoolShares::Share> PoolShares::add() {
  std::unique_ptr<Share> share(new Share(*this, BufferPool::share(pool_, pool_.count())));
  const MutexLock lock(mutex_);
  share->planned_ = share->need_ = plan();
  running_.push_back(share.get());
  ++started_;
  divide();
  return share;
}

void PoolShares::set_at_a_time(unsigned at_a_time) {
  const MutexLock lock(mutex_);
  if (at_a_time == at_a_time_) return;
  at_a_time_ = at_a_time;
  divide();
}

std::size_t PoolShares::plan() const {
  // If every buffer were held by an upload that needs one more, no upload could continue. That
  // requires a pool of need - 1 buffers for each of them.
  std::size_t kept = 0;
  for (const Share* share : running_) kept += share->need_ - 1;
  const std::size_t left = pool_.count() - std::min(pool_.count(), kept);
  const std::size_t fair = std::max(least_share, pool_.count() / at_a_time_);
  return std::max<std::size_t>(1, std::min(fair, left));
}

void PoolShares::set_need(Share& share, std::size_t need) {
  const MutexLock lock(mutex_);
  share.need_ = need;
  divide();
}

void PoolShares::remove(Share& share) {
  const MutexLock lock(mutex_);
  if (std::erase(running_, &share) == 0) return;
  if (running_.empty()) started_ = 0;
  divide();
}

void PoolShares::divide() {
  if (running_.empty()) return;
  // Uploads that start later find no buffer if the running uploads have taken all.
  const std::size_t expected = started_ < at_a_time_ ? at_a_time_ : 1;
  const std::size_t each = pool_.count() / std::max(running_.size(), expected);
  for (Share* share : running_)
    share->buffers().resize_share(std::max({least_share, share->need_, each}));
}

}  // namespace sluice
