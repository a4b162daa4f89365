#include "io/buffered_source.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace sluice {

BufferedSource::BufferedSource(LocalFile file, AfterReading after)
    : FileSource(std::move(file), after) {
  // Doubles the kernel's read-ahead. Advice: some file systems refuse it, and nothing is lost.
  ::posix_fadvise(fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

FileSource::Outcome BufferedSource::read_some(std::uint64_t offset, std::size_t length,
                                              std::span<std::byte> memory) const {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got =
        ::pread(fd(), memory.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      return {memory.first(done), errno};
    }
  }
  return {memory.first(done), 0};
}

}  // namespace sluice
