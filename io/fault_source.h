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

/// The faults that a FaultSource injects. All members are off by default.
struct SourceFaults {
  /// Reading a range that contains this offset fails with the errno `code`.
  std::optional<std::uint64_t> fails_at = {};
  int code = EIO;
  /// Reads end early at this offset although the file size is unchanged, as when another program
  /// truncates the file and writes it again.
  std::optional<std::uint64_t> ends_at = {};
  /// What identity_now() returns. With a smaller size, reads beyond that size fail as in a file
  /// that was truncated.
  std::optional<FileIdentity> identity_now = {};
  /// Changes the byte at `offset` from its `from_reading`-th read on (1: from the first read on).
  struct Change {
    std::uint64_t offset = 0;
    unsigned from_reading = 1;
  };
  std::vector<Change> changes = {};
};

/// A source that injects faults into another source, for tests. Its errors have the messages of
/// real file errors. Any thread, including set_faults(), which applies to reads that start later.
class FaultSource final : public Source {
 public:
  FaultSource(std::unique_ptr<Source> source, SourceFaults faults);

  /// Replaces the faults, and resets reads() and the counts for SourceFaults::Change.
  void set_faults(SourceFaults faults);
  /// Returns the number of read() calls.
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
  /// For each of SourceFaults::changes, how often its byte was read.
  mutable std::vector<unsigned> read_counts_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
