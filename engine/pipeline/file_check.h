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

/// A second reading of a file: FileCheck reads the file from its beginning, compares the blocks
/// with the checksums of an earlier run, and computes the digests. A FileCheck runs beside an
/// upload, to verify the prefix or to compute digests for that upload, or alone (`sluice verify`).
/// A FileCheck has its own buffer pool, so it never blocks an upload.
///
/// If the workers have an Executor, a FileCheck has no thread. It runs as events, all on one
/// thread.
class FileCheck {
 public:
  /// Returns the number of buffers for a check that runs beside uploads, with blocks of
  /// `block_bytes` bytes: 64 MiB of buffers at most, but never fewer than 2 nor more than 4
  /// buffers.
  static std::size_t pool_blocks_beside(std::size_t block_bytes);

  struct Setting {
    const Source& source;      ///< must outlive the check
    ChecksumWorkers& workers;  ///< must outlive the check
    std::size_t block_bytes;   ///< the block length of `expected`, in bytes
    std::size_t pool_blocks = 4;
    /// The offset at which the reading ends, in bytes. The block that contains byte end - 1 is read
    /// as a whole; no block after it is read.
    std::uint64_t end = ~std::uint64_t{0};
    /// The checksums of the first blocks, from block 0, as far as they are known.
    std::vector<std::uint64_t> expected = {};
    std::vector<DigestKind> extra = {};
    bool keep_checksums = false;  ///< returns the checksums of all blocks in Digests
    /// Whether a changed modification time at the end is no error. For a caller that handles the
    /// change itself and reads the file again.
    bool time_may_change = false;
    /// Called once, when done() has become true, on one of the check's own threads. Must not
    /// destroy the check.
    std::function<void()> on_done = [] {};
  };

  /// Creates a check and starts to read. Errors (kind failed): no memory, no thread, or OpenSSL
  /// lacks an extra digest. on_done is not called after an error.
  static Result<std::unique_ptr<FileCheck>> start(Setting setting);
  /// Cancels the check and joins its threads. Blocks until a read in progress has ended.
  ~FileCheck();
  FileCheck(const FileCheck&) = delete;
  FileCheck& operator=(const FileCheck&) = delete;

  /// Cancels the check without blocking. Has no effect on a check that is done.
  void cancel();
  bool done() const;
  /// Blocks until the check is done. Returns false if `deadline` passes first. With an Executor,
  /// ignores `deadline`: reads the rest of the file at once, on the caller's thread, and returns
  /// true.
  bool wait_until(std::chrono::steady_clock::time_point deadline);
  /// Returns the number of bytes that were read and hashed.
  std::uint64_t progress() const { return progress_; }
  /// Returns the number of bytes to read.
  std::uint64_t total() const { return total_; }

  struct Digests {
    std::string xxh128;  ///< empty if the check did not read the whole file
    std::string md5;     ///< empty also if not requested
    std::string sha256;
    std::vector<std::uint64_t> checksums;  ///< of all blocks; empty unless Setting::keep_checksums
  };
  /// Returns the digests; may be called once done() is true. Errors: local_file if a block differs
  /// from that of the earlier run, the file cannot be read, or the file changed during the reading;
  /// interrupted after cancel().
  Result<Digests> result() const;

 private:
  FileCheck(Setting setting, std::unique_ptr<BufferPool> pool);
  void run() noexcept;
  Result<void> read_all();
  std::unique_ptr<Pipeline> pipeline(std::function<void()> on_ready);
  /// Takes every block that is ready. Returns true after the last block.
  Result<bool> take_ready(Pipeline& pipeline);
  void end(Result<void> read);
  // With an Executor: step() is one event.
  void post_step();
  /// Takes the blocks that are ready, and ends the check after the last one. Returns false once the
  /// check is done.
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
  bool ready_ SLUICE_GUARDED_BY(mutex_) = false;  ///< take() may have another block
  bool cancelled_ SLUICE_GUARDED_BY(mutex_) = false;
  bool done_ SLUICE_GUARDED_BY(mutex_) = false;
  Result<Digests> result_ SLUICE_GUARDED_BY(mutex_);

  std::unique_ptr<Pipeline> stepped_;  ///< with an Executor; null once the check is done
  bool step_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
};

}  // namespace sluice
