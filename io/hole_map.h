#pragma once

#include <cstdint>

#include "io/sync.h"

namespace sluice {

/// Finds the holes of an open file: ranges without data on the disk, which read as zeros (lseek(2),
/// SEEK_HOLE). Any thread.
///
/// For queries in ascending order, makes one or two system calls for each extent; a file without
/// holes needs one. Remembers only the last extent, so memory does not grow with the number of
/// holes. Does not notice a hole that is filled after it was found: that changes the modification
/// time, which an upload checks before it registers the file.
///
/// Reports no holes if the file system does not support SEEK_HOLE, and none on ZFS: releases before
/// 2.2.2 may report freshly written data as a hole.
class HoleMap {
 public:
  /// `fd` must outlive this object, which moves its file position.
  explicit HoleMap(int fd);

  /// Returns whether all of [offset, offset + length) is known to be inside one hole.
  bool covers(std::uint64_t offset, std::uint64_t length);

 private:
  struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool hole = false;
  };

  Extent ask(std::uint64_t offset) const SLUICE_REQUIRES(mutex_);

  const int fd_;
  const bool trusted_;  ///< whether SEEK_HOLE is reliable on this file system
  Mutex mutex_;
  Extent last_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
