#pragma once

#include "io/file_source.h"

namespace sluice {

/// Reads through the page cache: works on every file system, and is the fastest where the file is
/// in the cache already.
class BufferedSource final : public FileSource {
 public:
  explicit BufferedSource(LocalFile file, AfterReading after = AfterReading::keep);
  ReadMode mode() const override { return ReadMode::buffered; }

 private:
  Outcome read_some(std::uint64_t offset, std::size_t length,
                    std::span<std::byte> memory) const override;
};

}  // namespace sluice
