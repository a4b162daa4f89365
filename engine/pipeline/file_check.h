#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/digest/file_digest.h"
#include "engine/pipeline/pipeline.h"
#include "io/buffer_pool.h"
#include "io/result.h"
#include "io/source.h"
#include "io/sync.h"

namespace sluice {

/// Reads a file from its beginning, compares its blocks with what an earlier run read, and hashes
/// it: a second reading beside an upload (whose digests or prefix it is for), or alone (`sluice
/// verify`). It has a buffer pool of its own, so it never keeps an upload from going on.
///
/// Where the workers have an Executor, it has no thread: it goes on in events, all on one thread.
///
/// Thread safe.
class FileCheck {
 public:
  /// Buffers for a check of blocks of that many bytes beside uploads: two at least, and no more
  /// than 64 MiB of them.
  static std::size_t pool_blocks_beside(std::size_t block_bytes);

  struct Setting {
    const Source& source;      ///< outlives the check
    ChecksumWorkers& workers;  ///< outlives it too
    std::size_t block_bytes;   ///< as in `expected`
    std::size_t pool_blocks = 4;
    /// Nothing is read behind the block that the byte before this one is in.
    std::uint64_t end = ~std::uint64_t{0};
    /// Checksums of the blocks from 0 on, as far as they are known.
    std::vector<std::uint64_t> expected = {};
    std::vector<DigestKind> extra = {};
    bool keep_checksums = false;  ///< of all blocks, for the result
    /// Whether another time of modification at the end is no error: for a caller who sees to it, by
    /// reading the file again.
    bool time_may_change = false;
    /// Called once, from a thread of the check's own, when done() has become true. It must not
    /// destroy the check.
    std::function<void()> on_done = [] {};
  };

  /// Starts to read at once. Errors, failed: no memory, no thread, or OpenSSL lacks an extra
  /// digest; on_done is not called then.
  static Result<std::unique_ptr<FileCheck>> start(Setting setting);
  /// Cancels it and waits until its threads have ended, which may be for a read to end.
  ~FileCheck();
  FileCheck(const FileCheck&) = delete;
  FileCheck& operator=(const FileCheck&) = delete;

  /// Ends it soon, without waiting; a check that is done stays as it is.
  void cancel();
  bool done() const;
  /// Waits until it is done; false if the deadline came first. With an Executor, reads what is left
  /// at once instead.
  bool wait_until(std::chrono::steady_clock::time_point deadline);
  /// Bytes read and hashed, and how many there are to read.
  std::uint64_t progress() const { return progress_; }
  std::uint64_t total() const { return total_; }

  struct Digests {
    std::string xxh128;  ///< empty where the file was not read to its end
    std::string md5;     ///< empty also where it was not asked for
    std::string sha256;
    std::vector<std::uint64_t> checksums;  ///< of all blocks; empty where nobody asked
  };
  /// Once it is done. Errors: local_file if a block is not what it was in the earlier run, the file
  /// cannot be read, or it changed while it was being read; interrupted after cancel().
  Result<Digests> result() const;

 private:
  FileCheck(Setting setting, std::unique_ptr<BufferPool> pool);
  void run() noexcept;
  Result<void> read_all();
  std::unique_ptr<Pipeline> pipeline(std::function<void()> on_ready);
  /// Takes what has been read; whether nothing more is to come.
  Result<bool> take_ready(Pipeline& pipeline);
  void end(Result<void> read);
  // With an Executor.
  void post_step();
  /// False once it is done.
  bool step();
  Result<Digests> finish() const;

  const Setting setting_;
  const std::unique_ptr<BufferPool> pool_;
  const std::uint64_t total_;
  FileDigest digest_;
  PipelineClocks clocks_;
  std::atomic<std::uint64_t> progress_{0};

  mutable Mutex mutex_;
  CondVar changed_;
  bool ready_ SLUICE_GUARDED_BY(mutex_) = false;  ///< another take() is worth it
  bool cancelled_ SLUICE_GUARDED_BY(mutex_) = false;
  bool done_ SLUICE_GUARDED_BY(mutex_) = false;
  Result<Digests> result_ SLUICE_GUARDED_BY(mutex_);

  std::unique_ptr<Pipeline> stepped_;  ///< with an Executor, while it is not done
  bool step_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
};

}  // namespace sluice
