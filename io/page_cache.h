#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {

/// How many of the places that were looked at are in the page cache.
struct CacheSample {
  unsigned looked_at = 0;
  unsigned cached = 0;

  bool mostly_cached() const { return cached * 2 > looked_at; }
};

/// Looks at up to 64 places, spread over the first `size` bytes of an open file. A file system that
/// cannot tell counts as not cached. Waits for no disk.
///
/// To look is to ask for it: the kernel starts to read a page that was not there. So the places are
/// drawn anew each time; with fixed ones the second look at a cold file would find all of it
/// cached.
CacheSample sample_page_cache(int fd, std::uint64_t size);

/// What becomes of the pages that a read through the page cache has brought in.
enum class AfterReading {
  keep,
  drop,  ///< so that a terabyte that is read once does not evict what others use
};

/// Drops the whole pages of that range of an open file from the page cache; `length` 0: to its end.
/// Those that are dirty, mapped or locked by anybody stay. Advice: some file systems do nothing.
///
/// The kernel keeps pages together in folios of up to 2 MiB, which start at a multiple of their
/// size and go as a whole or not at all. So a range that passes such a multiple is taken to begin
/// at the one before it: of ranges that follow each other, the last one in a folio drops all of it.
void drop_from_page_cache(int fd, std::uint64_t offset, std::size_t length);

}  // namespace sluice
