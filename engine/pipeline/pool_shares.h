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
/// has the whole pool. Where more run than the pool has buffers, the uploads take turns: a small
/// file needs its only buffer until its last byte is handed to the network.
///
/// An upload that sends a checksum in front of each chunk needs all buffers of a chunk at once, and
/// keeps those that it has until then. Uploads would wait for each other's buffers for ever if each
/// lacked one and the pool had none; so what they need beyond one buffer each is less than the
/// pool, whatever their number becomes: a share is planned with what the others leave.
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
    /// Buffers for which the upload may plan, at least 1: they are kept for it until needs() says
    /// how many it needs. Constant.
    std::size_t planned() const { return planned_; }
    /// The upload needs so many buffers at once to send anything, at least 1. The share is never
    /// smaller from now on.
    void needs(std::size_t buffers) { shares_.set_need(*this, buffers); }
    /// Its upload is over: the others may have what it had.
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

  /// `pool` outlives this and has at least 2 buffers; `at_a_time`: at least 1.
  PoolShares(BufferPool& pool, unsigned at_a_time) : pool_(pool), at_a_time_(at_a_time) {}
  PoolShares(const PoolShares&) = delete;
  PoolShares& operator=(const PoolShares&) = delete;

  /// So many uploads run at a time from now on, at least 1; those that run share the pool anew.
  void set_at_a_time(unsigned at_a_time);

  /// For an upload that begins.
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
  std::size_t started_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< since none ran
};

}  // namespace sluice
