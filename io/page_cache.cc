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
  // One place in each of equal stretches; the largest stretch, in whole bytes, that never passes
  // the end.
  const std::uint64_t stretch = places == 0 ? 0 : size / places;
  std::uniform_int_distribution<std::uint64_t> within(0, stretch == 0 ? 0 : stretch - 1);

  // Without read-ahead: 64 looks at a cold file bring in 64 pages, not 64 windows of 128 KiB and
  // more.
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  CacheSample sample;
  for (std::uint64_t i = 0; i < places; ++i) {
    std::byte byte{};
    const iovec into{&byte, 1};
    const auto offset = static_cast<off_t>(i * stretch + within(random_bits()));
    ++sample.looked_at;
    const ssize_t got = ::preadv2(fd, &into, 1, offset, RWF_NOWAIT);
    if (got == 1) ++sample.cached;
    if (got < 0 && errno != EAGAIN) {  // EOPNOTSUPP: this file system does not tell
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
