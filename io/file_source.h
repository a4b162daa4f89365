#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/hole_map.h"
#include "io/local_file.h"
#include "io/page_cache.h"
#include "io/source.h"

namespace sluice {

/// What all sources over a local file share: the descriptor, the errors in words, the holes, which
/// are not read, and the check that the file still reaches as far as the range that was read. A
/// mode of reading is one function, read_some().
class FileSource : public Source {
 public:
  ~FileSource() override;
  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                          std::span<std::byte> memory) const final;
  std::size_t memory_for(std::uint64_t offset, std::size_t length) const override;
  Result<FileIdentity> identity_now() const final;

 protected:
  struct Outcome {
    std::span<const std::byte>
        bytes;     ///< the part of memory that holds the range, or its beginning
    int code = 0;  ///< the errno that ended it early; 0 for an end of file
  };

  FileSource(LocalFile file, AfterReading after);
  /// Reads [offset, offset + length) into the beginning of `memory` from a descriptor without
  /// O_DIRECT.
  static Outcome read_through_cache(int fd, std::uint64_t offset, std::size_t length,
                                    std::span<std::byte> memory);
  int fd() const { return fd_.get(); }

 private:
  /// Reads as much of the range as there is. Called by any number of threads at once; `length` is
  /// not 0.
  virtual Outcome read_some(std::uint64_t offset, std::size_t length,
                            std::span<std::byte> memory) const = 0;

  const UniqueFd fd_;
  const AfterReading after_;
  mutable HoleMap holes_;
};

}  // namespace sluice
