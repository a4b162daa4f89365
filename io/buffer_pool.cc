#include "io/buffer_pool.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) \
  (static_cast<void>(address), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) \
  (static_cast<void>(address), static_cast<void>(size))
#endif

namespace sluice {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Maps `size` anonymous bytes aligned to `huge_page`. Returns an empty span and sets errno on
/// failure. mmap aligns to small pages only: map `huge_page` bytes more, and unmap both ends.
std::span<std::byte> map_aligned(std::size_t size) {
  void* const mapped =
      ::mmap(nullptr, size + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return {};
  auto* const start = static_cast<std::byte*>(mapped);
  const std::size_t head =
      (huge_page - reinterpret_cast<std::uintptr_t>(start) % huge_page) % huge_page;
  if (head > 0) ::munmap(start, head);
  if (head < huge_page) ::munmap(start + head + size, huge_page - head);
  return {start + head, size};
}

}  // namespace

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    memory_ = std::exchange(other.memory_, {});
  }
  return *this;
}

void Buffer::release() {
  if (pool_ != nullptr) std::exchange(pool_, nullptr)->give_back(std::exchange(memory_, {}));
}

Result<std::unique_ptr<BufferPool>> BufferPool::create(std::size_t buffer_size, std::size_t count) {
  if (buffer_size == 0 || buffer_size % alignment != 0) {
    return Error{
        .kind = ErrorKind::usage,
        .message = fmt::format("cannot create a pool of buffers of {} bytes: the buffer size "
                               "must be a positive multiple of {} bytes",
                               buffer_size, alignment)};
  }
  // Half of the address space: leaves room for the alignment, and exceeds any machine's memory.
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 2;
  if (count == 0 || count > most / buffer_size) {
    return Error{
        .kind = ErrorKind::usage,
        .message = fmt::format(
            "cannot create a pool of {} buffers of {} bytes: {}", count, buffer_size,
            count == 0 ? "the pool needs at least one buffer" : "their total size is too large")};
  }
  const std::span<std::byte> region = map_aligned(buffer_size * count);
  if (region.empty()) {
    Error error = errno_error(
        ErrorKind::failed, errno,
        fmt::format("cannot allocate {} MiB of memory for a pool of {} buffers of {} bytes",
                    (buffer_size * count + (std::size_t{1} << 20) - 1) >> 20, count, buffer_size));
    error.message += "; use a smaller --pool or --block, or raise the limit on memory (ulimit -v)";
    return error;
  }
  // Huge pages: a direct read of 4 MiB then touches 2 pages instead of 1024. 1.75 GB/s instead of
  // 0.77 with one read in flight, 2.6 instead of 1.1 with 16 (bench/io_bench.cc, direct_cold). A
  // kernel without transparent huge pages refuses the advice; ignore that.
  if (region.size() >= huge_page) ::madvise(region.data(), region.size(), MADV_HUGEPAGE);
  return std::unique_ptr<BufferPool>(new BufferPool(region, buffer_size, count));
}

BufferPool::BufferPool(std::span<std::byte> region, std::size_t buffer_size, std::size_t count)
    : region_(region), buffer_size_(buffer_size), count_(count) {
  free_.reserve(count_);
  for (std::size_t i = count_; i-- > 0;) free_.push_back(region_.data() + i * buffer_size_);
  ASAN_POISON_MEMORY_REGION(region_.data(), region_.size());
}

BufferPool::BufferPool(BufferPool& parent, std::size_t most)
    : buffer_size_(parent.buffer_size()), count_(most), parent_(&parent), most_(most) {
  assert(most >= 1);
}

std::unique_ptr<BufferPool> BufferPool::share(BufferPool& pool, std::size_t most) {
  return std::unique_ptr<BufferPool>(new BufferPool(pool, most));
}

void BufferPool::resize_share(std::size_t most) {
  assert(parent_ != nullptr && most >= 1);
  const MutexLock lock(mutex_);
  most_ = std::min(most, count_);
  freed_.notify_all();
}

std::size_t BufferPool::in_use() const {
  const MutexLock lock(mutex_);
  return parent_ == nullptr ? count_ - free_.size() : in_use_;
}

BufferPool::~BufferPool() {
  if (const std::size_t in_use = this->in_use(); in_use != 0) {
    // Abort in release builds too: the buffers in use would point to unmapped memory.
    std::fprintf(
        stderr,
        "sluice: internal error: a BufferPool was destroyed while %zu buffers were in use\n",
        in_use);
    std::abort();
  }
  if (parent_ != nullptr) return;
  ASAN_UNPOISON_MEMORY_REGION(region_.data(), region_.size());
  ::munmap(region_.data(), region_.size());
}

Buffer BufferPool::acquire(const std::stop_token& stop) {
  if (Buffer buffer = try_acquire()) return buffer;
  // The callback locks the mutex, so that a stop request cannot happen unnoticed between the check
  // below and the wait. Construct it before the lock and destroy it after: if stop was requested
  // already, the constructor calls it.
  const std::stop_callback wake(stop, [this] {
    const MutexLock lock(mutex_);
    freed_.notify_all();
  });
  MutexLock lock(mutex_);
  if (parent_ == nullptr) {
    while (free_.empty()) {
      if (stop.stop_requested()) return {};
      freed_.wait(mutex_);
    }
    return take_free();
  }
  while (in_use_ >= most_) {
    if (stop.stop_requested()) return {};
    freed_.wait(mutex_);
  }
  ++in_use_;
  lock.unlock();
  return take(parent_->acquire(stop));
}

Buffer BufferPool::try_acquire() {
  MutexLock lock(mutex_);
  if (parent_ == nullptr) return free_.empty() ? Buffer() : take_free();
  if (in_use_ >= most_) return {};
  ++in_use_;
  lock.unlock();
  return take(parent_->try_acquire());
}

Buffer BufferPool::take(Buffer parents) {
  if (parents) {
    parents.pool_ = nullptr;
    return Buffer(this, parents.memory_);
  }
  const MutexLock lock(mutex_);
  assert(in_use_ > 0);
  --in_use_;
  freed_.notify_one();
  return {};
}

std::size_t BufferPool::available() const {
  const MutexLock lock(mutex_);
  return parent_ == nullptr ? free_.size() : most_ - std::min(most_, in_use_);
}

Buffer BufferPool::take_free() {
  const std::span<std::byte> memory(free_.back(), buffer_size_);
  free_.pop_back();
  ASAN_UNPOISON_MEMORY_REGION(memory.data(), memory.size());
  return Buffer(this, memory);
}

void BufferPool::give_back(std::span<std::byte> memory) {
  if (parent_ != nullptr) {
    parent_->give_back(memory);
    const MutexLock lock(mutex_);
    assert(in_use_ > 0);
    --in_use_;
    freed_.notify_one();
    return;
  }
  assert(memory.size() == buffer_size_ && memory.data() >= region_.data() &&
         static_cast<std::size_t>(memory.data() - region_.data()) % buffer_size_ == 0);
  // Makes AddressSanitizer report any use of the buffer after its release.
  ASAN_POISON_MEMORY_REGION(memory.data(), memory.size());
  // Notify with the mutex held: after the unlock, another thread that sees the buffer as free may
  // destroy the pool.
  const MutexLock lock(mutex_);
  assert(free_.size() < count_);
  free_.push_back(memory.data());
  freed_.notify_one();
}

}  // namespace sluice
