#include "io/file_source.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace sluice {

FileSource::FileSource(LocalFile file, AfterReading after)
    : Source(std::move(file.path), file.identity),
      fd_(std::move(file.fd)),
      after_(after),
      holes_(fd_.get()) {}

FileSource::~FileSource() {
  // Drops all pages: those of the kernel's read-ahead that were never used, and those at the
  // boundary of two reads.
  if (after_ == AfterReading::drop) drop_from_page_cache(fd(), 0, 0);
}

std::size_t FileSource::memory_for(std::uint64_t, std::size_t length) const {
  return length;
}

Result<FileIdentity> FileSource::identity_now() const {
  return identity_of(fd(), path());
}

FileSource::Outcome FileSource::read_through_cache(int fd, std::uint64_t offset, std::size_t length,
                                                   std::span<std::byte> memory) {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got =
        ::pread(fd, memory.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      return {memory.first(done), errno};
    }
  }
  return {memory.first(done), 0};
}

Result<std::span<const std::byte>> FileSource::read(std::uint64_t offset, std::size_t length,
                                                    std::span<std::byte> memory) const {
  assert(offset <= identity().size && length <= identity().size - offset);
  assert(memory.size() >= memory_for(offset, length));
  if (length == 0) return std::span<const std::byte>(memory.first(0));

  Outcome outcome{memory.first(length), 0};
  if (holes_.covers(offset, length)) {
    std::ranges::fill(memory.first(length), std::byte{0});
  } else {
    outcome = read_some(offset, length, memory);
    if (after_ == AfterReading::drop) drop_from_page_cache(fd(), offset, length);
  }

  // Check the size after every read (0.3 us; a block takes at least 500 us). A concurrent
  // truncation makes the bytes after the new end read as zeros, always in a mapping and for a
  // moment in the page cache, without an error.
  TRY_ASSIGN(const FileIdentity now, identity_now());
  if (now.size < offset + length) return shrank_error(path(), offset, now.size);
  const std::uint64_t stopped_at = offset + outcome.bytes.size();
  if (outcome.code != 0) return read_error(path(), stopped_at, outcome.code);
  if (outcome.bytes.size() < length) return ended_early_error(path(), stopped_at);
  return outcome.bytes;
}

}  // namespace sluice
