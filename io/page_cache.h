#pragma once

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

}  // namespace sluice
