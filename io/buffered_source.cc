#include "io/buffered_source.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace sluice {

BufferedSource::BufferedSource(LocalFile file, AfterReading after)
    : FileSource(std::move(file), after) {
  // Doubles the kernel's read-ahead (posix_fadvise(2)). File systems may refuse the advice; ignore
  // that.
  ::posix_fadvise(fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

FileSource::Outcome BufferedSource::read_some(std::uint64_t offset, std::size_t length,
                                              std::span<std::byte> memory) const {
  return read_through_cache(fd(), offset, length, memory);
}

}  // namespace sluice
