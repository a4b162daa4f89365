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

/// 1 GiB, or as many MiB as $SLUICE_BENCH_MIB says: the tests only want to know that the benchmarks
/// run.
inline const std::uint64_t file_size = [] {
  const char* const mib = std::getenv("SLUICE_BENCH_MIB");
  return std::uint64_t{mib != nullptr ? std::strtoull(mib, nullptr, 10) : 1024} << 20;
}();

[[noreturn]] inline void give_up(const char* what) {
  std::perror(what);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): whatever else runs measures nothing any more
}

/// The file that is read, in $SLUICE_BENCH_DIR or the working directory: made on first use, removed
/// at exit.
class BenchFile {
 public:
  static const BenchFile& get() {
    static const BenchFile file;
    return file;
  }

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

  /// Puts all of it out of the page cache, or into it.
  void cool() const {
    if (::posix_fadvise(fd(), 0, 0, POSIX_FADV_DONTNEED) != 0) give_up("posix_fadvise");
  }
  void warm() const {
    std::vector<char> memory(block_bytes);
    for (std::uint64_t offset = 0; offset < file_size; offset += block_bytes) {
      if (::pread(fd(), memory.data(), block_bytes, static_cast<off_t>(offset)) < 0)
        give_up("pread");
    }
  }

 private:
  BenchFile() {
    const char* const directory = std::getenv("SLUICE_BENCH_DIR");
    path_ = std::string(directory != nullptr ? directory : ".") + "/sluice-bench.data";
    fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd_) give_up(path_.c_str());
    std::vector<std::uint64_t> memory(block_bytes / sizeof(std::uint64_t));
    std::mt19937_64 random(1);  // no two blocks alike: some disks compress
    for (std::uint64_t offset = 0; offset < file_size; offset += block_bytes) {
      std::ranges::generate(memory, random);
      if (::pwrite(fd(), memory.data(), block_bytes, static_cast<off_t>(offset)) < 0)
        give_up("pwrite");
    }
    // Dirty pages cannot be evicted.
    if (::fdatasync(fd()) != 0) give_up("fdatasync");
  }
  ~BenchFile() { ::unlink(path_.c_str()); }

  std::string path_;
  UniqueFd fd_;
};

}  // namespace sluice::bench
