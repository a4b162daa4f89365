#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "io/result.h"
#include "io/sync.h"

/// The memory of all transfers: a fixed number of equal, aligned buffers, taken once and lent out.
///
/// The contract, in prose:
///  - The pool maps `buffer_size * count` bytes when it is made and never another byte: its size is
///  the
///    program's memory promise.
///  - acquire() waits until a buffer is free. It never fails for lack of memory, so whoever waits
///  must
///    not hold what the others need to give theirs back: claim work in order, and claim the buffer
///    first (engine/pipeline/pipeline.h).
///  - A Buffer goes back by its destructor, from any thread. It must not outlive its pool.
namespace sluice {

class BufferPool;

/// One buffer of a pool, owned by whoever holds this. Movable, not copyable; empty after a move.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), memory_(std::exchange(other.memory_, {})) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { release(); }

  /// The whole buffer, aligned to BufferPool::alignment; empty for an empty Buffer.
  std::span<std::byte> memory() const { return memory_; }
  explicit operator bool() const { return pool_ != nullptr; }
  /// Gives the buffer back now.
  void release();

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, std::span<std::byte> memory) : pool_(pool), memory_(memory) {}

  BufferPool* pool_ = nullptr;
  std::span<std::byte> memory_;
};

/// Thread safe: every member may be called from any thread.
class BufferPool {
 public:
  /// Every buffer starts at a multiple of this; the strictest that O_DIRECT asks for in practice.
  static constexpr std::size_t alignment = 4096;

  /// `buffer_size` bytes, a multiple of `alignment`, at least one; `count` at least 1.
  /// Errors: usage for sizes out of range, failed where the kernel has no such memory.
  static Result<std::unique_ptr<BufferPool>> create(std::size_t buffer_size, std::size_t count);
  /// Up to `most` buffers of `pool` at a time, at least 1: for one of several who share it, so that
  /// one that stalls does not hold what the others need. `pool` outlives it.
  static std::unique_ptr<BufferPool> share(BufferPool& pool, std::size_t most);
  /// Of a share: up to so many from now on, at least 1; never more than it was made for. Those that
  /// are out beyond that stay out until they are given back.
  void resize_share(std::size_t most);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Waits for a free buffer. Empty only when `stop` was requested, which ends the wait at once; a
  /// buffer that needs no waiting is given even then.
  Buffer acquire(const std::stop_token& stop);
  /// A free buffer, or an empty one if there is none right now.
  Buffer try_acquire();

  std::size_t buffer_size() const { return buffer_size_; }
  /// Of a share, as it was made.
  std::size_t count() const { return count_; }
  /// Buffers that nobody holds at this moment; of a share, that it could still have.
  std::size_t available() const;

 private:
  friend class Buffer;
  BufferPool(std::span<std::byte> region, std::size_t buffer_size, std::size_t count);
  BufferPool(BufferPool& parent, std::size_t most);
  std::size_t lent() const;
  Buffer take_free() SLUICE_REQUIRES(mutex_);
  /// Of a share: `memory` is its parent's, and counted already.
  Buffer take(Buffer parents);
  void give_back(std::span<std::byte> memory);

  const std::span<std::byte> region_;
  const std::size_t buffer_size_;
  const std::size_t count_;
  BufferPool* const parent_ = nullptr;  ///< of a share
  mutable Mutex mutex_;
  CondVar freed_;
  std::size_t lent_ SLUICE_GUARDED_BY(mutex_) = 0;          ///< of a share
  std::size_t most_ SLUICE_GUARDED_BY(mutex_) = 0;          ///< of a share
  std::vector<std::byte*> free_ SLUICE_GUARDED_BY(mutex_);  ///< a stack: the warmest goes out first
};

}  // namespace sluice
