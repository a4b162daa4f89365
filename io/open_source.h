#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "io/result.h"
#include "io/source.h"

namespace sluice {

struct OpenedSource {
  std::unique_ptr<Source> source;
  /// The chosen mode and the reason, a clause for the log ("reading with O_DIRECT ..."). Never
  /// empty.
  std::string reason;
  /// Whether the requested mode was not possible and buffered reads are used instead.
  bool fell_back = false;
};

/// Opens `path` for reading in the given mode. Any thread.
/// - automatic: buffered if most of the file is in the page cache, else direct if the file system
///   supports O_DIRECT, else buffered.
/// - direct: O_DIRECT. Without support for it, or if its alignment does not divide `block_size`,
///   falls back to buffered.
/// - mmap, buffered: as named.
///
/// Mmap and buffered sources drop the pages they read from the page cache, unless most of the file
/// was cached before, because then another program uses it. A file system that does not report
/// cached pages counts as not cached.
///
/// `block_size`: reads will start at multiples of this number of bytes. Errors, all local_file: no
/// such file, not readable, not a regular file. Does not block on a FIFO or a device.
Result<OpenedSource> open_source(const std::string& path, ReadMode mode, std::size_t block_size);

}  // namespace sluice
