#pragma once

#include <cstdint>

#include "io/sync.h"

namespace sluice {

/// Where an open file has holes: ranges that were never written, read as zeros, and have nothing on
/// the disk (lseek, SEEK_HOLE). Any thread.
///
/// Asks the file system once for each extent when it is asked in order, once for a file without
/// holes. Remembers only the last extent, so that a file of a million holes costs no memory. A hole
/// that is filled after that is not noticed here: it changes the file's time, which an upload looks
/// at before it registers anything.
///
/// Knows of no holes where the file system cannot tell, nor on ZFS: releases before 2.2.2 call data
/// a hole that was written a moment ago.
class HoleMap {
 public:
  /// `fd` stays the caller's and outlives this. Its file position moves.
  explicit HoleMap(int fd);

  /// Whether all of [offset, offset + length) lies in one hole. False where part of it does, or
  /// where that is not known.
  bool covers(std::uint64_t offset, std::uint64_t length);

 private:
  struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    bool hole = false;
  };

  Extent ask(std::uint64_t offset) const SLUICE_REQUIRES(mutex_);

  const int fd_;
  const bool trusted_;  ///< what the file system says about holes
  Mutex mutex_;
  Extent last_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
