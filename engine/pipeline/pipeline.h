#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "engine/digest/file_digest.h"
#include "engine/pipeline/checksum_workers.h"
#include "engine/pipeline/stage_clock.h"
#include "engine/pipeline/window.h"
#include "io/buffer_pool.h"
#include "io/source.h"
#include "io/sync.h"

namespace sluice {

/// The busy and waiting times of the pipeline's stages. Must outlive every Pipeline that writes to
/// it.
struct PipelineClocks {
  StageClock reading;  ///< at least one read is in progress
  StageClock
      /// a reader is blocked because the pool has no free buffer: a later stage is the bottleneck
      no_buffer;
  StageClock checksumming;  ///< at least one block is being hashed
};

/// One pass over a file from an offset to its end: reader threads, checksums, and a Window that
/// delivers the blocks in order.
///
/// A reader claims the next block number and a buffer under one lock, in order. If readers claimed
/// the number first, a block could starve while later blocks hold every buffer. Several readers run
/// at once, because a single read in flight does not saturate a disk.
///
/// With O_DIRECT a reader waits for the disk, and workers compute the checksums, so that the next
/// read begins at once. Without O_DIRECT a reader mostly copies out of the page cache. The reader
/// then computes the checksum itself: the block is in the caches of its core, and no other thread
/// has to be woken (1.24 of curl's processor time for an upload instead of 1.44, bench/README.md).
/// The reader also computes the checksum if there are no workers.
///
/// The thread that computes checksums also passes the blocks on in order, as many as are ready. If
/// the file has extra digests (MD5 and SHA-256 reach 0.5 GB/s together, and only one block at a
/// time), a separate thread passes the blocks on, so that the checksum threads are not slowed down.
///
/// If the workers have an Executor, there are no threads. Each reader is a chain of events, which
/// reads a block, computes its checksum and passes it on. A reader that finds no free buffer tries
/// again in a later event.
///
/// The constructor starts the threads. The destructor joins them, after at most one read, one
/// checksum and one digest of a block; every buffer is back in the pool then, except for those of
/// blocks that were taken.
class Pipeline {
 public:
  struct Setting {
    const Source& source;
    BufferPool& pool;  ///< holds the blocks
    ChecksumWorkers& workers;
    /// sees every block in order; if it has extra digests at construction, they get their own
    /// thread
    FileDigest& digest;
    PipelineClocks& clocks;
    std::size_t block_bytes;  ///< at most the pool's buffer size
    int readers;              ///< reads in flight, at least 1
    /// The offset at which the reading ends, in bytes. The block that contains byte end - 1 is read
    /// as a whole; no block after it is read.
    std::uint64_t end = ~std::uint64_t{0};
  };

  /// Starts the readers. `start`: the offset of the first byte that take() delivers; less than the
  /// file's size and Setting::end. Blocks are aligned to multiples of block_bytes, so the first
  /// block may begin before `start`. `on_ready`: see Window; called on any thread.
  Pipeline(const Setting& setting, std::uint64_t start, std::function<void()> on_ready);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Cancels the pass without blocking: starts no new reads, and returns every buffer as soon as
  /// the read or checksum on it ends. take() must not be called afterwards.
  void cancel();

  /// Returns the next block in order: every block to the last one, each once. One thread at a time.
  Window::Taken take();

  /// With an Executor: reads the next block and passes it on at once, on the caller's thread.
  /// Returns false if there is no next block or no free buffer.
  bool read_now();

 private:
  /// A block number and the buffer that its bytes are read into.
  struct Claim {
    std::uint64_t number;
    Buffer buffer;
  };
  /// The task that a oneTBB worker runs. It holds nothing but a pointer, because the thread
  /// sanitizer does not see the synchronisation inside oneTBB (tests/tsan.supp).
  struct CheckTask {
    Pipeline* pipeline;
    void operator()() const;
  };

  void read_blocks();
  bool read_block(Claim claim);
  void post_claim(std::size_t reader, bool is_blocked = false);
  void post_read(std::size_t reader);
  std::optional<Claim> claim();
  /// Claims the next block without blocking. Returns false if there is no free buffer; true with an
  /// empty `claim` if there is no next block. `is_blocked`: the reader found no buffer before. Like
  /// a thread that is blocked in BufferPool::acquire(), the reader then takes a free buffer even if
  /// the pass was stopped in the meantime.
  bool try_claim(std::optional<Claim>& claim, bool is_blocked = false);
  void call_checkers();
  void check_blocks() noexcept;
  void pass_in_order();
  void pass_until_end() noexcept;
  void wake_order_thread(bool to_end);
  void task_done();

  const Setting setting_;
  const std::uint64_t end_;      ///< number of the last block + 1
  const bool readers_check_;     ///< readers compute the checksums, not the workers
  const bool own_order_thread_;  ///< order_thread_ passes the blocks on, not the checksum threads
  Window window_;
  std::stop_source stop_;
  Mutex claim_mutex_;
  std::uint64_t next_ SLUICE_GUARDED_BY(claim_mutex_);

  Mutex tasks_mutex_;
  CondVar tasks_done_;
  std::size_t tasks_ SLUICE_GUARDED_BY(tasks_mutex_) = 0;  ///< queued or running on the workers

  Mutex order_mutex_;
  CondVar order_changed_;
  bool order_wanted_ SLUICE_GUARDED_BY(order_mutex_) = false;  ///< a block may be ready to pass
  bool order_ends_ SLUICE_GUARDED_BY(order_mutex_) = false;

  /// With an Executor: for each reader, the block that it reads next.
  std::vector<std::optional<Claim>> claims_;
  /// Events hold a weak pointer to this, and do nothing once the pipeline is destroyed.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<std::thread> readers_;
  std::thread order_thread_;
};

}  // namespace sluice
