#include "io/direct_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "io/buffer_pool.h"

namespace sluice {
namespace {

constexpr const char* refused = "the file system does not support O_DIRECT";

/// Returns the alignment of direct reads that the kernel requires for offset, length and address,
/// in bytes; 0 if this file has no support for O_DIRECT.
std::size_t sector_of(int fd) {
#ifdef STATX_DIOALIGN
  struct statx facts {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) == 0 &&
      (facts.stx_mask & STATX_DIOALIGN) != 0) {
    return std::lcm(std::size_t{facts.stx_dio_offset_align}, std::size_t{facts.stx_dio_mem_align});
  }
#else
  static_cast<void>(fd);
#endif
  // Linux before 6.1, or the file system does not report the alignment: use the largest sector size
  // of common disks.
  return 4096;
}

/// Reads the first sector with O_DIRECT. Returns 0 or an errno.
int probe(int fd, std::size_t sector) {
  constexpr std::size_t page = BufferPool::alignment;
  const std::size_t room = (sector + page - 1) / page * page;
  const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(page, room),
                                                           &std::free);
  if (!memory) return ENOMEM;
  while (::pread(fd, memory.get(), sector, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<DirectSource>> DirectSource::create(LocalFile& file,
                                                           std::size_t block_size) {
  const int fd = file.fd.get();
  const std::size_t sector = sector_of(fd);
  if (sector == 0) {
    return Error{.kind = ErrorKind::local_file, .message = refused, .code = EOPNOTSUPP};
  }
  if (block_size % sector != 0) {
    return Error{.kind = ErrorKind::local_file,
                 .message = fmt::format(
                     "the sector size of {} bytes does not divide the block size of {} bytes",
                     sector, block_size),
                 .code = EINVAL};
  }
  // Set the flag on the open descriptor: the path may name another file by now.
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_DIRECT) != 0) {
    return errno_error(ErrorKind::local_file, errno, refused);
  }
  if (const int code = probe(fd, sector); code != 0) {
    ::fcntl(fd, F_SETFL, flags);
    return errno_error(ErrorKind::local_file, code, "the first O_DIRECT read failed");
  }
  return std::unique_ptr<DirectSource>(new DirectSource(std::move(file), sector));
}

DirectSource::DirectSource(LocalFile file, std::size_t sector)
    : FileSource(std::move(file), AfterReading::keep), sector_(sector) {}

std::size_t DirectSource::memory_for(std::uint64_t offset, std::size_t length) const {
  const std::size_t before = offset % sector_;
  return (before + length + sector_ - 1) / sector_ * sector_;
}

FileSource::Outcome DirectSource::read_some(std::uint64_t offset, std::size_t length,
                                            std::span<std::byte> memory) const {
  const std::size_t before = offset % sector_;
  const std::size_t needed = before + length;
  const std::size_t whole = memory_for(offset, length);
  const std::uint64_t start = offset - before;

  std::size_t done = 0;
  int code = 0;
  while (done < needed) {
    const ssize_t got =
        ::pread(fd(), memory.data() + done, whole - done, static_cast<off_t>(start + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EINVAL) return read_cached(offset, length, memory);
      code = errno;
      break;
    }
    const std::size_t reached = done + static_cast<std::size_t>(got);
    // The next read must start at a sector boundary: read a partial sector again.
    const std::size_t next = reached < needed ? reached / sector_ * sector_ : reached;
    if (next == done) break;  // no further full sector: end of the file
    done = next;
  }
  const std::size_t end = std::min(done, needed);
  return {end > before ? memory.subspan(before, end - before) : memory.first(0), code};
}

int DirectSource::cached_fd() const {
  MutexLock lock(cached_mutex_);
  // Open by descriptor, because the path may name another file by now.
  if (!cached_)
    cached_ = UniqueFd(
        ::open(fmt::format("/proc/self/fd/{}", fd()).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  return cached_.get();
}

FileSource::Outcome DirectSource::read_cached(std::uint64_t offset, std::size_t length,
                                              std::span<std::byte> memory) const {
  const int cached = cached_fd();
  if (cached < 0) return {memory.first(0), EINVAL};
  Outcome outcome = read_through_cache(cached, offset, length, memory);
  drop_from_page_cache(cached, offset, length);
  return outcome;
}

}  // namespace sluice
