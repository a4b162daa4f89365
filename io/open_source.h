#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "io/result.h"
#include "io/source.h"

namespace sluice {

struct OpenedSource {
  std::unique_ptr<Source> source;
  /// A clause for the log: the chosen mode and the reason ("reading with O_DIRECT ..."). Never
  /// empty.
  std::string reason;
  /// Whether the requested mode was not possible.
  bool fell_back = false;
};

/// Opens `path` for reading in the given mode. Any thread.
///
///  - automatic: buffered if most of the file is in the page cache already (memory is faster than
///  any
///    disk), else direct where the file system allows it, else buffered.
///  - direct: O_DIRECT; on a file system without it, or where its alignment does not divide
///    `block_size`, falls back to buffered and says so.
///  - mmap, buffered: as named.
///
/// What is read through the page cache is dropped from it again, unless most of the file was there
/// before: then somebody uses it. Where the file system does not tell, it counts as not there.
///
/// `block_size`: the reads to come start at multiples of this many bytes.
/// Errors, local_file: no such file, not readable, not a regular file (a directory, a FIFO, a
/// device: none of them is opened in a way that blocks).
Result<OpenedSource> open_source(const std::string& path, ReadMode mode, std::size_t block_size);

}  // namespace sluice
