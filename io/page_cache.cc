#include "io/page_cache.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <random>

#include "io/random.h"

namespace sluice {

CacheSample sample_page_cache(int fd, std::uint64_t size) {
  constexpr std::uint64_t page = 4096;
  constexpr std::uint64_t most = 64;
  const std::uint64_t places = std::min(most, (size + page - 1) / page);
  // One random page in each of `places` equal stretches.
  const std::uint64_t stretch = places == 0 ? 0 : size / places;
  std::uniform_int_distribution<std::uint64_t> within(0, stretch == 0 ? 0 : stretch - 1);

  // Disable read-ahead: sampling a cold file then reads 64 pages, not 64 windows of 128 KiB or
  // more.
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  CacheSample sample;
  for (std::uint64_t i = 0; i < places; ++i) {
    std::byte byte{};
    const iovec into{&byte, 1};
    const auto offset = static_cast<off_t>(i * stretch + within(random_bits()));
    ++sample.sampled;
    const ssize_t got = ::preadv2(fd, &into, 1, offset, RWF_NOWAIT);
    if (got == 1) ++sample.cached;
    if (got < 0 && errno != EAGAIN) {  // EOPNOTSUPP: the file system has no RWF_NOWAIT
      sample = {};
      break;
    }
  }
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL);
  return sample;
}

void drop_from_page_cache(int fd, std::uint64_t offset, std::size_t length) {
  constexpr std::uint64_t folio = std::uint64_t{2} << 20;
  const std::uint64_t end = offset + length;
  const std::uint64_t begin =
      length != 0 && end / folio > offset / folio ? offset / folio * folio : offset;
  ::posix_fadvise(fd, static_cast<off_t>(begin), static_cast<off_t>(length == 0 ? 0 : end - begin),
                  POSIX_FADV_DONTNEED);
}

}  // namespace sluice
