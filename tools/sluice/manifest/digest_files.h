#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/digest/digest_kind.h"
#include "engine/pipeline/checksum_workers.h"
#include "engine/pipeline/file_check.h"
#include "io/result.h"
#include "io/source.h"
#include "io/sync.h"

namespace sluice::cli {

/// Computes the digests of many files in parallel: as many files at once as there are cores. A
/// large file has readers and checksum workers of its own (engine/pipeline/file_check.h), because
/// one core hashes slower than a disk reads.
///
/// Small files are read by own threads: tasks of oneTBB must not block on a disk. Memory: 6 MiB per
/// thread, 96 MiB at most. Any thread.
class DigestFiles {
 public:
  /// More threads would only cause seeks and use memory.
  static constexpr unsigned most_threads = 16;
  static constexpr std::size_t block_bytes = std::size_t{1} << 20;
  /// A file of at most this many bytes is read by one thread: starting more threads would take
  /// longer.
  static constexpr std::uint64_t most_small_bytes = std::uint64_t{4} << 20;

  struct Digests {
    std::uint64_t bytes = 0;
    std::string xxh128;
    std::string md5;  ///< empty if not requested
    std::string sha256;
  };
  /// One result for each file. Errors: local_file if the file cannot be read or changed meanwhile;
  /// interrupted after cancel(), also for files that had not been started.
  using Results = std::vector<Result<Digests>>;

  /// Starts at once. `threads`: at least 1; continues with fewer if the system refuses more. Error
  /// failed: no thread could be started, or OpenSSL lacks a digest.
  static Result<std::unique_ptr<DigestFiles>> start(std::vector<std::string> paths,
                                                    std::vector<DigestKind> extra,
                                                    unsigned threads);
  /// Cancels, and blocks until the reads in flight have ended.
  ~DigestFiles();
  DigestFiles(const DigestFiles&) = delete;
  DigestFiles& operator=(const DigestFiles&) = delete;

  void cancel() { cancelled_ = true; }
  /// Blocks until all files are done. Returns false at the deadline.
  bool wait_until(std::chrono::steady_clock::time_point deadline);
  /// Returns the bytes hashed so far.
  std::uint64_t bytes_done() const { return bytes_done_; }
  std::size_t files_done() const { return files_done_; }
  /// Returns the results in the order of the paths, moved out. Call once, after wait_until() has
  /// returned true.
  Results take_results();

 private:
  DigestFiles(std::vector<std::string> paths, std::vector<DigestKind> extra, unsigned threads);
  void work();
  Result<Digests> digest(const std::string& path);
  Result<Digests> digest_small(const Source& source);
  Result<Digests> digest_large(const Source& source);

  const std::vector<std::string> paths_;
  const std::vector<DigestKind> extra_;
  ChecksumWorkers workers_;
  std::atomic<bool> cancelled_{false};
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bytes_done_{0};
  std::atomic<std::size_t> files_done_{0};
  Mutex mutex_;
  CondVar all_done_;
  std::size_t left_ SLUICE_GUARDED_BY(mutex_);
  Results results_;  ///< each is written by one thread, before it decrements left_
  std::vector<std::thread> threads_;
};

}  // namespace sluice::cli
