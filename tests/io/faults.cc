#include "tests/io/faults.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <mutex>
#include <utility>
#include <vector>

namespace sluice::test {
namespace {

Faults faults;
std::atomic<bool> active = false;
std::atomic<unsigned> reads = 0;
std::atomic<unsigned> hits_seen = 0;
std::atomic<unsigned> hole_questions_seen = 0;
std::vector<std::uint64_t> looks;  // by the only thread that opens a file
std::mutex drops_mutex;
std::vector<std::pair<std::uint64_t, std::uint64_t>> drops;

}  // namespace

WithFaults::WithFaults(const Faults& wanted) {
  faults = wanted;
  reads = 0;
  hits_seen = 0;
  hole_questions_seen = 0;
  looks.clear();
  drops.clear();
  active = true;
}

WithFaults::~WithFaults() {
  active = false;
}

std::vector<std::uint64_t> WithFaults::looked_at() const {
  return looks;
}

unsigned WithFaults::hole_questions() const {
  return hole_questions_seen;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> WithFaults::dropped() const {
  const std::lock_guard lock(drops_mutex);
  return drops;
}

unsigned WithFaults::hits() const {
  return hits_seen;
}

}  // namespace sluice::test

namespace {

using sluice::test::active;
using sluice::test::faults;
using sluice::test::hits_seen;

template <class T>
T fail(int code) {
  ++hits_seen;
  errno = code;
  return T{-1};
}

}  // namespace

extern "C" {

// The names are given by the linker (ld --wrap), although they are reserved.
ssize_t __real_pread(int fd, void* memory, size_t size, off_t offset);
int __real_fcntl(int fd, int command, ...);
int __real_statx(int fd, const char* path, int flags, unsigned mask, struct statx* facts);
void* __real_mmap(void* where, size_t size, int protection, int flags, int fd, off_t offset);
ssize_t __real_preadv2(int fd, const iovec* parts, int count, off_t offset, int flags);
off_t __real_lseek(int fd, off_t offset, int whence);
int __real_posix_fadvise(int fd, off_t offset, off_t length, int advice);
ssize_t __wrap_pread(int fd, void* memory, size_t size, off_t offset);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_statx(int fd, const char* path, int flags, unsigned mask, struct statx* facts);
void* __wrap_mmap(void* where, size_t size, int protection, int flags, int fd, off_t offset);
ssize_t __wrap_preadv2(int fd, const iovec* parts, int count, off_t offset, int flags);
off_t __wrap_lseek(int fd, off_t offset, int whence);
int __wrap_posix_fadvise(int fd, off_t offset, off_t length, int advice);

ssize_t __wrap_pread(int fd, void* memory, size_t size, off_t offset) {
  if (!active) return __real_pread(fd, memory, size, offset);
  const auto start = static_cast<std::uint64_t>(offset);
  if (faults.interrupt_every != 0 && ++sluice::test::reads % faults.interrupt_every == 0) {
    return fail<ssize_t>(EINTR);
  }
  if ((__real_fcntl(fd, F_GETFL) & O_DIRECT) != 0) {
    if (faults.refuses_direct_reads) return fail<ssize_t>(EINVAL);
    struct stat facts {};
    if (faults.refuses_direct_tail && ::fstat(fd, &facts) == 0 &&
        start + size > static_cast<std::uint64_t>(facts.st_size))
      return fail<ssize_t>(EINVAL);
    if (faults.refuses_direct_at && start <= *faults.refuses_direct_at &&
        *faults.refuses_direct_at < start + size)
      return fail<ssize_t>(EINVAL);
    if (const std::uint64_t sector = faults.sector.value_or(0); sector != 0) {
      const auto address = reinterpret_cast<std::uintptr_t>(memory);
      if (start % sector != 0 || size % sector != 0 ||
          address % std::min<std::uint64_t>(sector, 4096))
        return fail<ssize_t>(EINVAL);
    }
  }
  // Read everything, because a direct read must be aligned, and return only a part.
  std::uint64_t most = size;
  if (faults.longest_read != 0) most = std::min<std::uint64_t>(most, faults.longest_read);
  if (faults.bad_at && *faults.bad_at < start + size) {
    if (*faults.bad_at <= start) return fail<ssize_t>(EIO);
    most = std::min(most, *faults.bad_at - start);  // read what is before it
  }
  if (faults.end_at) most = *faults.end_at <= start ? 0 : std::min(most, *faults.end_at - start);
  const ssize_t got = __real_pread(fd, memory, size, offset);
  if (got <= static_cast<ssize_t>(most)) return got;
  ++hits_seen;
  return static_cast<ssize_t>(most);
}

int __wrap_fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  const int argument = va_arg(arguments, int);
  va_end(arguments);
  if (active && faults.refuses_direct_flag && command == F_SETFL && (argument & O_DIRECT) != 0) {
    return fail<int>(EINVAL);
  }
  return __real_fcntl(fd, command, argument);
}

int __wrap_statx(int fd, const char* path, int flags, unsigned mask, struct statx* facts) {
  const int result = __real_statx(fd, path, flags, mask, facts);
#ifdef STATX_DIOALIGN
  if (active && faults.tells_no_sector) facts->stx_mask &= ~STATX_DIOALIGN;
  if (active && faults.sector) {
    facts->stx_mask |= STATX_DIOALIGN;
    facts->stx_dio_offset_align = *faults.sector;
    facts->stx_dio_mem_align = std::min(*faults.sector, 4096U);
  }
#endif
  return result;
}

void* __wrap_mmap(void* where, size_t size, int protection, int flags, int fd, off_t offset) {
  if (active && faults.refuses_mapping) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return __real_mmap(where, size, protection, flags, fd, offset);
}

ssize_t __wrap_preadv2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  if (!active || !faults.cached_percent) return __real_preadv2(fd, parts, count, offset, flags);
  sluice::test::looks.push_back(static_cast<std::uint64_t>(offset));
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return -1;
  if (offset * 100 >= facts.st_size * static_cast<off_t>(*faults.cached_percent)) {
    return fail<ssize_t>(EAGAIN);
  }
  return __real_preadv2(fd, parts, count, offset, 0);
}

off_t __wrap_lseek(int fd, off_t offset, int whence) {
  if (active && (whence == SEEK_DATA || whence == SEEK_HOLE)) {
    ++sluice::test::hole_questions_seen;
    if (faults.tells_no_holes) return fail<off_t>(EINVAL);
  }
  return __real_lseek(fd, offset, whence);
}

int __wrap_posix_fadvise(int fd, off_t offset, off_t length, int advice) {
  if (active && advice == POSIX_FADV_DONTNEED) {
    const std::lock_guard lock(sluice::test::drops_mutex);
    sluice::test::drops.emplace_back(offset, length);
  }
  return __real_posix_fadvise(fd, offset, length, advice);
}

}  // extern "C"
