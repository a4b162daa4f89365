#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "io/buffer_pool.h"
#include "io/sync.h"

namespace sluice {

/// The division of one BufferPool between the uploads that run at a time. Without it, an upload
/// whose server takes no bytes can hold all buffers, and the server can have no thread for it as
/// long as the others have none to send from: they all wait until the first one times out.
///
/// Each upload that runs may have as many buffers as all others, and all of them together what the
/// pool has. Until `at_a_time` of them have been started, that many are reckoned with; a single one
/// has the whole pool.
///
/// Any thread. Outlives its shares.
class PoolShares {
 public:
  class Share {
   public:
    ~Share() { leave(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// Lives as long as the share.
    BufferPool& buffers() { return *buffers_; }
    /// Buffers that it has at any time.
    std::size_t least() const { return shares_.least_; }
    /// Its upload is over: the others may have what it had.
    void leave() { shares_.remove(*this); }

   private:
    friend class PoolShares;
    Share(PoolShares& shares, std::unique_ptr<BufferPool> buffers)
        : shares_(shares), buffers_(std::move(buffers)) {}

    PoolShares& shares_;
    const std::unique_ptr<BufferPool> buffers_;
  };

  /// `pool` outlives this. `least`: buffers of a share at least, however many there are.
  PoolShares(BufferPool& pool, unsigned at_a_time, std::size_t least)
      : pool_(pool), at_a_time_(at_a_time), least_(least) {}
  PoolShares(const PoolShares&) = delete;
  PoolShares& operator=(const PoolShares&) = delete;

  /// For an upload that begins.
  std::unique_ptr<Share> add();

 private:
  void remove(Share& share);
  void divide() SLUICE_REQUIRES(mutex_);

  BufferPool& pool_;
  const unsigned at_a_time_;
  const std::size_t least_;
  Mutex mutex_;
  std::vector<Share*> running_ SLUICE_GUARDED_BY(mutex_);
  std::size_t started_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< since none ran
};

}  // namespace sluice
