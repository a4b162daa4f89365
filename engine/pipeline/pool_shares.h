#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "io/buffer_pool.h"
#include "io/sync.h"

namespace sluice {

/// The division of one BufferPool between the uploads that run at the same time. Without this
/// division, an upload whose server takes no bytes could hold all buffers. If the server has no
/// thread for that upload until the other uploads end, and those have no buffers to send from, all
/// uploads stall until the first one times out.
///
/// Each running upload may have as many buffers as every other one, and all together have those of
/// the pool. Until `at_a_time` uploads have been started, the pool is divided by that number, or by
/// the number of running uploads if that is greater; afterwards by the number of running uploads,
/// so that a single upload has the whole pool. If more uploads run than the pool has buffers, the
/// uploads take turns: a small file needs its only buffer until the network has taken its last
/// byte.
///
/// An upload that sends a checksum in front of each chunk needs all buffers of a chunk at once, and
/// keeps the buffers that it has until then. A deadlock would follow if each such upload lacked one
/// buffer and the pool had none. So the sum of what the uploads need beyond one buffer each is
/// always less than the pool: a new share is planned from what the other shares leave.
///
/// Any thread. Must outlive its shares.
class PoolShares {
 public:
  /// The share of one upload. The destructor ends the share.
  class Share {
   public:
    ~Share() { leave(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// Returns the share's buffers, as a pool that lives as long as the share.
    BufferPool& buffers() { return *buffers_; }
    /// Returns the number of buffers, at least 1, that the upload may rely on. They are reserved
    /// for the upload until needs() is called. Constant.
    std::size_t planned() const { return planned_; }
    /// Sets the number of buffers, at least 1, that the upload needs at once to send anything. The
    /// share is never smaller from now on.
    void needs(std::size_t buffers) { shares_.set_need(*this, buffers); }
    /// Ends the share: its buffers are divided between the other uploads.
    void leave() { shares_.remove(*this); }

   private:
    friend class PoolShares;
    Share(PoolShares& shares, std::unique_ptr<BufferPool> buffers)
        : shares_(shares), buffers_(std::move(buffers)) {}

    PoolShares& shares_;
    const std::unique_ptr<BufferPool> buffers_;
    std::size_t planned_ = 0;
    std::size_t need_ = 0;  ///< guarded by the mutex of shares_
  };

  /// `pool`: at least 2 buffers; must outlive this. `at_a_time`: the expected number of concurrent
  /// uploads, at least 1.
  PoolShares(BufferPool& pool, unsigned at_a_time) : pool_(pool), at_a_time_(at_a_time) {}
  PoolShares(const PoolShares&) = delete;
  PoolShares& operator=(const PoolShares&) = delete;

  /// Sets the number of concurrent uploads, at least 1, and divides the pool anew between the
  /// running uploads.
  void set_at_a_time(unsigned at_a_time);

  /// Returns a share for an upload that begins. The caller owns the share.
  std::unique_ptr<Share> add();

 private:
  void remove(Share& share);
  void set_need(Share& share, std::size_t need);
  void divide() SLUICE_REQUIRES(mutex_);
  std::size_t plan() const SLUICE_REQUIRES(mutex_);

  BufferPool& pool_;
  Mutex mutex_;
  unsigned at_a_time_ SLUICE_GUARDED_BY(mutex_);
  std::vector<Share*> running_ SLUICE_GUARDED_BY(mutex_);
  /// shares added since the last moment without a running upload
  std::size_t started_ SLUICE_GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice
