#pragma once

#include "io/file_source.h"

namespace sluice {

/// Reads through a mapping that lasts as long as one read: map the range, copy it, unmap it. So the
/// resident memory is bounded by the reads in flight, as with the other sources, and a file that
/// shrinks is an error (io/sigbus_guard.h) where a plain mapping would end the process.
class MappedSource final : public FileSource {
 public:
  explicit MappedSource(LocalFile file, AfterReading after = AfterReading::keep);
  ReadMode mode() const override { return ReadMode::mmap; }

 private:
  Outcome read_some(std::uint64_t offset, std::size_t length,
                    std::span<std::byte> memory) const override;
};

}  // namespace sluice
