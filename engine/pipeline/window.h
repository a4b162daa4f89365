#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "engine/base/block.h"
#include "io/result.h"
#include "io/sync.h"

namespace sluice {

/// A bounded, ordered queue of blocks between the readers and the network thread.
///
/// A block passes three stages before the consumer takes it. Each stage asks for its next block:
///
///     reader     put()
///     checker    next_to_check(), checked(), until there is no unchecked block
///     in order   next_in_order(), passed()
///     consumer   take()
///
/// wants_checker() decides when a checker is worth waking: to wake an idle worker costs about 0.1
/// ms of processor time, as much as the checksum of a block. So while the consumer has enough
/// blocks to take, unchecked blocks accumulate until there are `batch` of them.
///
/// Blocks arrive and are checked in any order, several at a time. They pass the in-order stage and
/// reach the consumer strictly by number. A ring with one slot for each number enforces the order.
/// The in-order stage may run on many threads, one at a time (the checkers, after each block), or
/// on a thread of its own if its work takes long.
///
/// Either side can end the queue. fail() reports the first error to the consumer, at once, before
/// the blocks that are still in the ring. close() returns the blocks of the ring to the pool, for a
/// consumer that has cancelled. Thread safe.
class Window {
 public:
  /// A queue of the blocks `first` to `end` - 1, at most `capacity` of them at a time. The caller
  /// of put() for block n must ensure that block n - capacity was taken (the pool's size ensures
  /// that in engine/pipeline/pipeline.h). `on_ready`: called outside of any lock, on the thread
  /// that caused the change, when a take() that returned no block is worth repeating: a block or an
  /// error is ready, or take() would return another `waiting` value, which decides whether the disk
  /// or the checksums are reported as the bottleneck. `batch`: 1 to `capacity`; with 1, every block
  /// is checked at once.
  Window(std::uint64_t first, std::uint64_t end, std::size_t capacity,
         std::function<void()> on_ready, std::size_t batch = 1);

  /// Adds a block. Discards it after fail() or close(). Throws std::logic_error if the block has no
  /// slot, which is a bug in the caller.
  void put(Block block);
  /// Returns whether one more checker is to run. If true, the checker is counted and must call
  /// next_to_check() until the result is null. To be called after each put() and take().
  bool wants_checker();
  /// Returns the oldest unchecked block, which stays in the ring; the caller must call checked()
  /// for that block. Returns null if there is none, which ends a checker that wants_checker()
  /// counted.
  Block* next_to_check();
  /// Marks block `number`, from next_to_check(), as checked.
  void checked(std::uint64_t number);
  /// Returns the next block in order if that block is checked and the previous one has passed; else
  /// null, and always null after fail() or close(). The caller must call passed() for the block.
  /// Worth repeating after each checked() and passed().
  Block* next_in_order();
  /// Marks the block from next_in_order() as ready for the consumer.
  void passed();

  /// Ends the queue with `error`; only the first error is kept.
  void fail(Error error);
  /// Ends the queue for the consumer: returns the blocks in the ring to the pool. A block that is
  /// being checked or passed returns when that stage is done with it.
  void close();

  /// Why take() returned no block.
  enum class Waiting { read, check };
  struct Taken {
    std::optional<Block> block;       ///< the next block
    std::optional<Error> error;       ///< why no further block will come
    Waiting waiting = Waiting::read;  ///< if there is neither a block nor an error
  };
  /// Returns the consumer's next block. Must not be called after the last block was taken.
  Taken take();

 private:
  enum class State { empty, read, checking, checked, passing, ready };
  struct Slot {
    State state = State::empty;
    Block block;
  };

  Slot& slot(std::uint64_t number) SLUICE_REQUIRES(mutex_) {
    return slots_[static_cast<std::size_t>(number % slots_.size())];
  }
  void put_there(Block block) SLUICE_REQUIRES(mutex_);
  /// Returns whether on_ready is to be called, and clears the flag.
  bool take_waiter() SLUICE_REQUIRES(mutex_);

  const std::uint64_t end_;
  const std::size_t batch_;
  const std::function<void()> on_ready_;
  Mutex mutex_;
  std::vector<Slot> slots_ SLUICE_GUARDED_BY(mutex_);
  std::deque<std::uint64_t> unchecked_ SLUICE_GUARDED_BY(mutex_);
  /// checkers that wants_checker() counted and that have not ended
  std::size_t checkers_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_pass_ SLUICE_GUARDED_BY(mutex_);
  std::uint64_t next_take_ SLUICE_GUARDED_BY(mutex_);
  bool consumer_waits_ SLUICE_GUARDED_BY(mutex_) = false;
  Waiting waits_for_ SLUICE_GUARDED_BY(mutex_) = Waiting::read;  ///< valid if consumer_waits_
  bool closed_ SLUICE_GUARDED_BY(mutex_) = false;
  std::optional<Error> error_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
