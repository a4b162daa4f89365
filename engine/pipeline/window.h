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

/// The bounded, ordered run of blocks between the readers and the network.
///
/// A block passes three hands before its consumer, each of which asks for its next one:
///
///     reader     put()
///     checker    next_to_check(), checked(), for as long as there is one
///     in order   next_in_order(), passed()
///     consumer   take()
///
/// Checkers are called, by wants_checker(), when it is worth it: to wake an idle worker costs some
/// 0.1 ms of processor time, as much as the checksum of a block. So while the consumer has enough
/// in front of it, blocks gather until there are `batch` of them.
///
/// Blocks arrive and are checked in any order, several at a time; they pass the third hand and
/// reach the consumer strictly by number. The order comes from the structure: a ring with a slot
/// for each number. The third hand may be many threads, which take turns (the checkers, when they
/// are done with a block), or one of its own, where what it does takes long.
///
/// Closable from both ends: fail() tells the consumer the first error (at once, before what is
/// still in the ring); close() makes the rest of the ring go back to the pool, for a consumer that
/// gave up. Thread safe.
class Window {
 public:
  /// Blocks `first` to `end` - 1, at most `capacity` of them in the ring at a time: whoever put()s
  /// block n has seen to it that n - capacity was taken (the pool's bound does that in
  /// engine/pipeline/pipeline.h). `on_ready` is called, outside of any lock and by whichever thread
  /// caused it, when a take() that gave no block is worth repeating: there is one, or it waits for
  /// something else now, which is whom the wait is put down to. `batch`: 1 to `capacity`; 1 has
  /// every block checked at once.
  Window(std::uint64_t first, std::uint64_t end, std::size_t capacity,
         std::function<void()> on_ready, std::size_t batch = 1);

  /// Takes a block that was read; behind an error or a close() it is dropped.
  void put(Block block);
  /// Whether one more checker shall come, and if so counts on it: it must call next_to_check()
  /// until that is null. To be asked after each put() and take().
  bool wants_checker();
  /// A block that nobody checks yet, oldest first, which stays in the ring; checked() must follow.
  /// Or null, which ends a checker that was wanted.
  Block* next_to_check();
  void checked(std::uint64_t number);
  /// The next block in order, if it is checked and the last one has passed; else null, and always
  /// after fail(). passed() must follow. Worth repeating after each checked() and passed().
  Block* next_in_order();
  void passed();

  void fail(Error error);
  void close();

  /// What a consumer that gets no block waits for.
  enum class Waiting { read, check };
  struct Taken {
    std::optional<Block> block;       ///< the next one, or nothing
    std::optional<Error> error;       ///< why there will never be one
    Waiting waiting = Waiting::read;  ///< if neither
  };
  /// The consumer's next block. Not to be called once the last block was taken.
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
  /// Whether the consumer is to be told.
  bool take_waiter() SLUICE_REQUIRES(mutex_);

  const std::uint64_t end_;
  const std::size_t batch_;
  const std::function<void()> on_ready_;
  Mutex mutex_;
  std::vector<Slot> slots_ SLUICE_GUARDED_BY(mutex_);
  std::deque<std::uint64_t> unchecked_ SLUICE_GUARDED_BY(mutex_);
  std::size_t checkers_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< that were wanted and have not ended
  std::uint64_t next_pass_ SLUICE_GUARDED_BY(mutex_);
  std::uint64_t next_take_ SLUICE_GUARDED_BY(mutex_);
  bool consumer_waits_ SLUICE_GUARDED_BY(mutex_) = false;
  Waiting waits_for_ SLUICE_GUARDED_BY(mutex_) = Waiting::read;  ///< if it does
  bool closed_ SLUICE_GUARDED_BY(mutex_) = false;
  std::optional<Error> error_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
