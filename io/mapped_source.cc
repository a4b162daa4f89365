#include "io/mapped_source.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/sigbus_guard.h"

namespace sluice {

MappedSource::MappedSource(LocalFile file, AfterReading after)
    : FileSource(std::move(file), after) {}

FileSource::Outcome MappedSource::read_some(std::uint64_t offset, std::size_t length,
                                            std::span<std::byte> memory) const {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t before = offset % page;
  const std::size_t mapped = before + length;
  void* const start =
      ::mmap(nullptr, mapped, PROT_READ, MAP_SHARED, fd(), static_cast<off_t>(offset - before));
  if (start == MAP_FAILED) return {memory.first(0), errno};
  // Not MAP_POPULATE: Linux 6.18 retries forever at a page that the disk cannot read. Linux before
  // 5.14 has no MADV_POPULATE_READ; there, the copy faults the pages in one by one.
  ::madvise(start, mapped, MADV_POPULATE_READ);
  const std::span<const std::byte> range(static_cast<const std::byte*>(start) + before, length);
  const bool copied = guarded_copy(memory.data(), range);
  ::munmap(start, mapped);
  // The page is beyond the end of the file, which read() checks, or the disk failed.
  if (!copied) return {memory.first(0), EIO};
  return {memory.first(length), 0};
}

}  // namespace sluice
