#pragma once

#include <memory>

#include "io/file_source.h"
#include "io/sync.h"
#include "io/unique_fd.h"

namespace sluice {

/// A source that reads with O_DIRECT, past the page cache: no copy in the kernel, and no eviction
/// of pages that other programs use.
///
/// The kernel reads whole sectors only. read() extends a range to whole sectors, so the result may
/// begin inside `memory`; the last sector of a file is read in part. If the file system refuses a
/// direct read with EINVAL, which some do at the end of a file whose size is no multiple of a
/// sector, the range is read through the page cache and then dropped from the cache.
class DirectSource final : public FileSource {
 public:
  /// Takes over `file` if it supports direct reads in blocks of `block_size` bytes. Reads the first
  /// sector to find out, because some file systems accept O_DIRECT at open and refuse the reads. On
  /// an error, `file` is unchanged, and the message is a clause with the reason ("the file system
  /// does not support O_DIRECT: Invalid argument").
  static Result<std::unique_ptr<DirectSource>> create(LocalFile& file, std::size_t block_size);

  std::size_t memory_for(std::uint64_t offset, std::size_t length) const override;
  ReadMode mode() const override { return ReadMode::direct; }
  /// Returns the alignment of offset, length and address of direct reads, in bytes.
  std::size_t sector() const { return sector_; }

 private:
  DirectSource(LocalFile file, std::size_t sector);
  Outcome read_some(std::uint64_t offset, std::size_t length,
                    std::span<std::byte> memory) const override;

  /// Returns a descriptor of the same file without O_DIRECT; opens it at the first call. Returns -1
  /// if that fails, for example without /proc.
  int cached_fd() const;
  Outcome read_cached(std::uint64_t offset, std::size_t length, std::span<std::byte> memory) const;

  const std::size_t sector_;
  mutable Mutex cached_mutex_;
  mutable UniqueFd cached_ SLUICE_GUARDED_BY(cached_mutex_);
};

}  // namespace sluice
