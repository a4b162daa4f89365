#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/hole_map.h"
#include "io/local_file.h"
#include "io/page_cache.h"
#include "io/source.h"

namespace sluice {

/// The base class of all sources of local files. Owns the descriptor, makes the error messages,
/// fills holes with zeros without reading them, and checks after each read that the file was not
/// truncated. A derived class implements one way to read: read_some().
class FileSource : public Source {
 public:
  ~FileSource() override;
  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                          std::span<std::byte> memory) const final;
  std::size_t memory_for(std::uint64_t offset, std::size_t length) const override;
  Result<FileIdentity> identity_now() const final;

 protected:
  struct Outcome {
    std::span<const std::byte> bytes;  ///< the part of `memory` that holds the bytes read, which
                                       ///< may be fewer than requested
    int code = 0;  ///< the errno of an incomplete read; 0 at the end of the file
  };

  FileSource(LocalFile file, AfterReading after);
  /// Reads [offset, offset + length) into the beginning of `memory` with pread(2). `fd` must not
  /// have O_DIRECT.
  static Outcome read_through_cache(int fd, std::uint64_t offset, std::size_t length,
                                    std::span<std::byte> memory);
  int fd() const { return fd_.get(); }

 private:
  /// Reads the range, or as much of it as possible. `length` is not 0. Any number of threads at
  /// once.
  virtual Outcome read_some(std::uint64_t offset, std::size_t length,
                            std::span<std::byte> memory) const = 0;

  const UniqueFd fd_;
  const AfterReading after_;
  mutable HoleMap holes_;
};

}  // namespace sluice
