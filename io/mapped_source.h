#pragma once

#include "io/file_source.h"

namespace sluice {

/// A source that maps, copies and unmaps the range of each read. Resident memory is limited by the
/// reads in flight, as with the other sources. A file that is truncated during a read causes an
/// error instead of a SIGBUS (io/sigbus_guard.h).
class MappedSource final : public FileSource {
 public:
  explicit MappedSource(LocalFile file, AfterReading after = AfterReading::keep);
  ReadMode mode() const override { return ReadMode::mmap; }

 private:
  Outcome read_some(std::uint64_t offset, std::size_t length,
                    std::span<std::byte> memory) const override;
};

}  // namespace sluice
