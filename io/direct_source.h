#pragma once

#include <memory>

#include "io/file_source.h"
#include "io/sync.h"
#include "io/unique_fd.h"

namespace sluice {

/// Reads past the page cache (O_DIRECT): what is read once need not be copied, nor evict what
/// others use.
///
/// The kernel takes whole sectors only. A range that does not start or end on one is read wider,
/// and the result lies inside the memory; the last sector of a file comes back short. What a file
/// system refuses to read in this way (EINVAL), as some do at the end of a file whose size is no
/// multiple of a sector, is read through the page cache and dropped from that again.
class DirectSource final : public FileSource {
 public:
  /// Takes `file` over, if reads of whole blocks of `block_size` bytes from it can be direct. A
  /// first sector is really read: some file systems accept O_DIRECT at open and refuse the reads.
  /// Error: `file` is as it was before, and the message is a clause that gives the reason ("the
  /// file system does not support O_DIRECT: Invalid argument").
  static Result<std::unique_ptr<DirectSource>> create(LocalFile& file, std::size_t block_size);

  std::size_t memory_for(std::uint64_t offset, std::size_t length) const override;
  ReadMode mode() const override { return ReadMode::direct; }
  /// Bytes; where a direct read may start, and how long it may be, are multiples of it.
  std::size_t sector() const { return sector_; }

 private:
  DirectSource(LocalFile file, std::size_t sector);
  Outcome read_some(std::uint64_t offset, std::size_t length,
                    std::span<std::byte> memory) const override;

  /// The same file, open without O_DIRECT since the first direct read was refused; -1 if it cannot
  /// be opened again, as without /proc.
  int cached_fd() const;
  Outcome read_cached(std::uint64_t offset, std::size_t length, std::span<std::byte> memory) const;

  const std::size_t sector_;
  mutable Mutex cached_mutex_;
  mutable UniqueFd cached_ SLUICE_GUARDED_BY(cached_mutex_);
};

}  // namespace sluice
