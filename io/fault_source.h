#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/source.h"
#include "io/sync.h"

namespace sluice {

/// What can happen to a file while it is read, as knobs. What is not set happens as in the source
/// itself.
struct SourceFaults {
  /// A range with this byte cannot be read; `code` is the errno.
  std::optional<std::uint64_t> fails_at = {};
  int code = EIO;
  /// Reads end here, while the file system says that there is more: somebody truncates the file and
  /// writes it again.
  std::optional<std::uint64_t> ends_at = {};
  /// What the file system says when it is asked again. With a smaller size, reads behind that fail
  /// as in a file that shrank.
  std::optional<FileIdentity> identity_now = {};
  /// A byte that is another one from the nth time on that it is read (1: from the first on).
  struct Change {
    std::uint64_t offset = 0;
    unsigned from_reading = 1;
  };
  std::vector<Change> changes = {};
};

/// Another source with faults in it, for tests of what reads files: its errors are those of a file
/// on a disk, in the same words. As thread safe as every source; set_faults() too, for reads that
/// begin afterwards.
class FaultSource final : public Source {
 public:
  FaultSource(std::unique_ptr<Source> source, SourceFaults faults);

  /// Other faults from now on; readings count from 0 again.
  void set_faults(SourceFaults faults);
  /// How many ranges were asked for.
  unsigned reads() const;

  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                          std::span<std::byte> memory) const override;
  std::size_t memory_for(std::uint64_t offset, std::size_t length) const override;
  ReadMode mode() const override;
  Result<FileIdentity> identity_now() const override;

 private:
  const std::unique_ptr<Source> source_;
  mutable Mutex mutex_;
  SourceFaults faults_ SLUICE_GUARDED_BY(mutex_);
  mutable unsigned reads_ SLUICE_GUARDED_BY(mutex_) = 0;
  /// How often each of SourceFaults::changes was read.
  mutable std::vector<unsigned> readings_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
