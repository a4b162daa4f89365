#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "io/unique_fd.h"

namespace sluice::bench {

inline constexpr std::size_t block_bytes = std::size_t{4} << 20;

/// The size of the test file: 1 GiB, or $SLUICE_BENCH_MIB MiB, which tests of the benchmarks use.
inline const std::uint64_t file_size = [] {
  const char* const mib = std::getenv("SLUICE_BENCH_MIB");
  return std::uint64_t{mib != nullptr ? std::strtoull(mib, nullptr, 10) : 1024} << 20;
}();

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): other threads may still run
}

/// The test file, in $SLUICE_BENCH_DIR or the working directory. Created at the first use, deleted
/// at exit.
class BenchFile {
 public:
  static const BenchFile& get() {
    static const BenchFile file;
    return file;
  }

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

  /// Evict the whole file from the page cache, or read it into the cache.
  void cool() const {
    if (::posix_fadvise(fd(), 0, 0, POSIX_FADV_DONTNEED) != 0) fail("posix_fadvise");
  }
  void warm() const {
    std::vector<char> memory(block_bytes);
    for (std::uint64_t offset = 0; offset < file_size; offset += block_bytes) {
      if (::pread(fd(), memory.data(), block_bytes, static_cast<off_t>(offset)) < 0) fail("pread");
    }
  }

 private:
  BenchFile() {
    const char* const directory = std::getenv("SLUICE_BENCH_DIR");
    path_ = std::string(directory != nullptr ? directory : ".") + "/sluice-bench.data";
    fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd_) fail(path_.c_str());
    std::vector<std::uint64_t> memory(block_bytes / sizeof(std::uint64_t));
    std::mt19937_64 random(1);  // all blocks differ, because some disks compress
    for (std::uint64_t offset = 0; offset < file_size; offset += block_bytes) {
      std::ranges::generate(memory, random);
      if (::pwrite(fd(), memory.data(), block_bytes, static_cast<off_t>(offset)) < 0)
        fail("pwrite");
    }
    // Dirty pages cannot be evicted.
    if (::fdatasync(fd()) != 0) fail("fdatasync");
  }
  ~BenchFile() { ::unlink(path_.c_str()); }

  std::string path_;
  UniqueFd fd_;
};

}  // namespace sluice::bench
