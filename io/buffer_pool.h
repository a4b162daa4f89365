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

/// The memory of all transfers: a fixed number of equal, aligned buffers, allocated once.
/// - The pool maps `buffer_size * count` bytes when it is created, and no more later: its size
///   limits the memory of the program.
/// - acquire() blocks until a buffer is free; it never fails for lack of memory. To avoid
///   deadlocks, a thread that waits for a buffer must hold nothing that other threads need to
///   return theirs: claim work in order, and acquire the buffer first (engine/pipeline/pipeline.h).
/// - The destructor of a Buffer returns it, on any thread. A Buffer must not outlive its pool.
namespace sluice {

class BufferPool;

/// A buffer of a pool, or an empty object. Movable, not copyable; empty after a move.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), memory_(std::exchange(other.memory_, {})) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { release(); }

  /// Returns the whole buffer, aligned to BufferPool::alignment; an empty span for an empty Buffer.
  std::span<std::byte> memory() const { return memory_; }
  explicit operator bool() const { return pool_ != nullptr; }
  /// Returns the buffer to its pool.
  void release();

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, std::span<std::byte> memory) : pool_(pool), memory_(memory) {}

  BufferPool* pool_ = nullptr;
  std::span<std::byte> memory_;
};

/// A pool of buffers, or a share of one: a limit on the number of buffers that one user of a pool
/// may hold. Any thread.
class BufferPool {
 public:
  /// The alignment of every buffer in bytes. Enough for O_DIRECT on the disks in use.
  static constexpr std::size_t alignment = 4096;

  /// Creates a pool of `count` buffers (at least 1) of `buffer_size` bytes each (a positive
  /// multiple of `alignment`). Errors: usage for sizes out of range, failed if the kernel refuses
  /// the memory.
  static Result<std::unique_ptr<BufferPool>> create(std::size_t buffer_size, std::size_t count);
  /// Creates a share of `pool` with a limit of `most` buffers, at least 1. Several users of one
  /// pool get a share each, so that a user that stalls does not hold all buffers. `pool` must
  /// outlive the share.
  static std::unique_ptr<BufferPool> share(BufferPool& pool, std::size_t most);
  /// Changes the limit of a share to `most` buffers: at least 1, and capped at count(). Buffers in
  /// use beyond the new limit stay in use until they are released.
  void resize_share(std::size_t most);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Blocks until a buffer is free and returns it. Returns an empty Buffer if `stop` is requested
  /// while no buffer is free.
  Buffer acquire(const std::stop_token& stop);
  /// Returns a free buffer, or an empty Buffer if none is free.
  Buffer try_acquire();

  std::size_t buffer_size() const { return buffer_size_; }
  /// Returns the number of buffers; for a share, the limit that it was created with.
  std::size_t count() const { return count_; }
  /// Returns the number of free buffers; for a share, how many more it may take.
  std::size_t available() const;

 private:
  friend class Buffer;
  BufferPool(std::span<std::byte> region, std::size_t buffer_size, std::size_t count);
  BufferPool(BufferPool& parent, std::size_t most);
  std::size_t in_use() const;
  Buffer take_free() SLUICE_REQUIRES(mutex_);
  /// Makes `parents`, a buffer of the parent pool that is already counted in in_use_, a buffer of
  /// this share. If `parents` is empty, uncounts it.
  Buffer take(Buffer parents);
  void give_back(std::span<std::byte> memory);

  const std::span<std::byte> region_;
  const std::size_t buffer_size_;
  const std::size_t count_;
  BufferPool* const parent_ = nullptr;  ///< null unless this is a share
  mutable Mutex mutex_;
  CondVar freed_;
  std::size_t in_use_ SLUICE_GUARDED_BY(mutex_) = 0;        ///< for a share: buffers in use
  std::size_t most_ SLUICE_GUARDED_BY(mutex_) = 0;          ///< for a share: the limit
  std::vector<std::byte*> free_ SLUICE_GUARDED_BY(mutex_);  ///< a stack: reuses warm memory
};

}  // namespace sluice
