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

/// Computes the digests of many files: several files side by side, as many as there are cores, and
/// a large one with readers and checksum workers of its own (engine/pipeline/file_check.h), as one
/// core hashes less than a disk reads.
///
/// Its threads, not oneTBB's, read small files, as oneTBB's workers must not wait for a disk.
/// Memory: 6 MiB a thread, 96 MiB at most. Thread safe.
class DigestFiles {
 public:
  /// More would be seeks and memory for nothing.
  static constexpr unsigned most_threads = 16;
  static constexpr std::size_t block_bytes = std::size_t{1} << 20;
  /// A file of at most this many bytes is read by one thread: starting others takes longer.
  static constexpr std::uint64_t small = std::uint64_t{4} << 20;

  struct Digests {
    std::uint64_t bytes = 0;
    std::string xxh128;
    std::string md5;  ///< empty where it was not asked for
    std::string sha256;
  };
  /// Errors, of one file: local_file, the file cannot be read, or changed meanwhile; interrupted
  /// after cancel(), and of all files that had not begun by then.
  using Results = std::vector<Result<Digests>>;

  /// Starts at once. `threads`: at least 1; fewer where the system gives no more. Error failed: not
  /// even one thread, or OpenSSL lacks a digest.
  static Result<std::unique_ptr<DigestFiles>> start(std::vector<std::string> paths,
                                                    std::vector<DigestKind> extra,
                                                    unsigned threads);
  /// Cancels, and blocks until the reads in flight have ended.
  ~DigestFiles();
  DigestFiles(const DigestFiles&) = delete;
  DigestFiles& operator=(const DigestFiles&) = delete;

  void cancel() { cancelled_ = true; }
  /// Blocks until all files are done; false if the deadline came first.
  bool wait_until(std::chrono::steady_clock::time_point deadline);
  /// Bytes hashed so far, and files done.
  std::uint64_t bytes_done() const { return bytes_done_; }
  std::size_t files_done() const { return files_done_; }
  /// In the order of the paths, moved out. Once wait_until() has returned true.
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
  Results results_;  ///< each written by one thread, before it counts left_ down
  std::vector<std::thread> threads_;
};

}  // namespace sluice::cli
