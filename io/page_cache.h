#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {

/// How many of the sampled pages of a file are in the page cache.
struct CacheSample {
  unsigned sampled = 0;
  unsigned cached = 0;

  bool mostly_cached() const { return cached * 2 > sampled; }
};

/// Samples up to 64 pages, spread over the first `size` bytes of an open file, with preadv2(2) and
/// RWF_NOWAIT. Does not block. `sampled` is 0 if the file system does not support RWF_NOWAIT.
///
/// Sampling a page makes the kernel start to read it. The pages are chosen at random each time:
/// with fixed pages, a second sample of a cold file would find all of them cached.
CacheSample sample_page_cache(int fd, std::uint64_t size);

/// What happens to the pages that a read brought into the page cache.
enum class AfterReading {
  keep,
  drop,  ///< do not evict other programs' pages for a file that is read once
};

/// Drops whole pages of [offset, offset + length) of an open file from the page cache; `length` 0:
/// to the end of the file. The kernel keeps pages that are dirty, mapped or locked
/// (posix_fadvise(2), POSIX_FADV_DONTNEED), and some file systems ignore the advice.
///
/// The kernel keeps pages in folios of up to 2 MiB, aligned to their size, and drops a folio as a
/// whole or not at all. A range that crosses a 2 MiB boundary is therefore extended back to the
/// boundary before it: when consecutive ranges are dropped, the last one in a folio drops the
/// folio.
void drop_from_page_cache(int fd, std::uint64_t offset, std::size_t length);

}  // namespace sluice
