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

/// Busy and waiting times of the stages in front of the network. Outlives every Pipeline that
/// writes to it.
struct PipelineClocks {
  StageClock reading;  ///< some read is going on
  StageClock
      no_buffer;  ///< the readers could go on if the pool had a buffer: what is behind is slow
  StageClock checksumming;  ///< some block is being hashed
};

/// One pass over a file from an offset to its end: readers, checksums, window.
///
/// Reader threads claim the next block number and a buffer, in order, under one lock: were the
/// number claimed first, a late block could starve while later ones hold every buffer. Several
/// readers run at once, since one read in flight does not saturate a disk.
///
/// With O_DIRECT a reader waits for the disk, and workers compute the checksums, so that the next
/// read begins at once. Else a reader mostly copies out of the page cache: it checks the block
/// itself, which is in its core's caches, and nobody has to be woken (1.24 of curl's processor time
/// for an upload instead of 1.44, bench/README.md). So it does where there are no workers.
///
/// Who checks passes the blocks on in order too, whatever is ready after each.
/// Where the digest has more to compute than they should be kept with (MD5 and SHA-256 make 0.5
/// GB/s together, and only one block at a time), a thread of its own does that.
///
/// Where the workers have an Executor there are no threads: each reader is a chain of events, which
/// reads a block, checks it and passes it on. One that finds no buffer looks again later.
///
/// The constructor starts the threads and the destructor ends them, at most one read, one checksum
/// and one digest of a block later; every buffer is back in the pool then, but for those in blocks
/// that were taken.
class Pipeline {
 public:
  struct Setting {
    const Source& source;
    BufferPool& pool;  ///< its buffers are the blocks
    ChecksumWorkers& workers;
    FileDigest& digest;  ///< sees every block in order; decides, as it is now, about the thread
    PipelineClocks& clocks;
    std::size_t block_bytes;  ///< at most the pool's buffer size
    int readers;              ///< reads in flight, at least 1
    /// Nothing is read behind the block that the byte before this one is in.
    std::uint64_t end = ~std::uint64_t{0};
  };

  /// `start`, less than the file's size and Setting::end: the first byte that take() has; blocks
  /// start on the grid, so the first one may begin before it. `on_ready`: see Window; any thread.
  Pipeline(const Setting& setting, std::uint64_t start, std::function<void()> on_ready);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Lets go of everything it can without waiting: no new reads, and every buffer goes back as soon
  /// as the read or checksum on it ends. take() is not to be called any more.
  void give_up();

  /// The next block in order; one thread at a time. Every block, to the last one, once.
  Window::Taken take();

  /// With an Executor: reads and passes on the next block at once, on the caller's thread. Returns
  /// false where there is none, or no buffer for it.
  bool read_now();

 private:
  struct Claim {
    std::uint64_t number;
    Buffer buffer;
  };
  /// What a TBB worker runs; only a pointer, so that nothing else is handed over inside oneTBB,
  /// which the thread sanitizer does not see into (tests/tsan.supp).
  struct CheckTask {
    Pipeline* pipeline;
    void operator()() const;
  };

  void read_blocks();
  bool read_block(Claim claim);
  void post_claim(std::size_t reader);
  void post_read(std::size_t reader);
  std::optional<Claim> claim();
  /// The same without waiting for a buffer; false where there is none now.
  bool try_claim(std::optional<Claim>& claim);
  void call_checkers();
  void check_blocks() noexcept;
  void pass_in_order();
  void pass_until_end() noexcept;
  void wake_order_thread(bool to_end);
  void task_done();

  const Setting setting_;
  const std::uint64_t end_;      ///< number of the block behind the last one
  const bool readers_check_;     ///< and not the workers
  const bool own_order_thread_;  ///< blocks pass in order on order_thread_, not where checked
  Window window_;
  std::stop_source stop_;
  Mutex claim_mutex_;
  std::uint64_t next_ SLUICE_GUARDED_BY(claim_mutex_);

  Mutex tasks_mutex_;
  CondVar tasks_done_;
  std::size_t tasks_ SLUICE_GUARDED_BY(tasks_mutex_) = 0;  ///< handed to the workers and not done

  Mutex order_mutex_;
  CondVar order_changed_;
  bool order_wanted_ SLUICE_GUARDED_BY(order_mutex_) = false;  ///< a block may be ready to pass
  bool order_ends_ SLUICE_GUARDED_BY(order_mutex_) = false;

  /// Of each reader that is a chain of events, the block that it reads next.
  std::vector<std::optional<Claim>> claims_;
  /// Events hold it weakly: they do nothing once the pipeline is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<std::thread> readers_;
  std::thread order_thread_;
};

}  // namespace sluice
