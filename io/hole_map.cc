#include "io/hole_map.h"

#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

namespace sluice {
namespace {

constexpr std::uint64_t far = ~std::uint64_t{0};

bool tells_holes_rightly(int fd) {
  constexpr auto zfs = 0x2fc12fc1;  // ZFS_SUPER_MAGIC, which linux/magic.h does not define
  struct statfs facts {};
  return ::fstatfs(fd, &facts) == 0 && facts.f_type != zfs;
}

}  // namespace

HoleMap::HoleMap(int fd) : fd_(fd), trusted_(tells_holes_rightly(fd)) {}

bool HoleMap::covers(std::uint64_t offset, std::uint64_t length) {
  if (!trusted_) return false;
  MutexLock lock(mutex_);
  if (offset < last_.begin || offset >= last_.end) last_ = ask(offset);
  return last_.hole && length <= last_.end - offset;
}

HoleMap::Extent HoleMap::ask(std::uint64_t offset) const {
  const auto at = static_cast<off_t>(offset);
  // Data and holes alternate: a right guess saves the second system call. Guess data at first.
  bool hole = last_.end > 0 && offset >= last_.end && !last_.hole;
  for (int question = 0; question < 2; ++question, hole = !hole) {
    const off_t end = ::lseek(fd_, at, hole ? SEEK_DATA : SEEK_HOLE);
    if (end > at) return {offset, static_cast<std::uint64_t>(end), hole};
    if (end < 0 && hole && errno == ENXIO)
      return {offset, far, true};         // a hole up to the end of
                                          // the file
    if (end < 0) return {0, far, false};  // not supported: cache that for the whole file
  }
  return {offset, offset + 1, false};  // neither data nor a hole: the file is changing
}

}  // namespace sluice
