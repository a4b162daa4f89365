#pragma once

#include "io/file_source.h"

namespace sluice {

/// A source that reads through the page cache. Works on every file system; the fastest mode for a
/// file in the cache.
class BufferedSource final : public FileSource {
 public:
  explicit BufferedSource(LocalFile file, AfterReading after = AfterReading::keep);
  ReadMode mode() const override { return ReadMode::buffered; }

 private:
  Outcome read_some(std::uint64_t offset, std::size_t length,
                    std::span<std::byte> memory) const override;
};

}  // namespace sluice
