#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "io/file_system.h"
#include "io/local_file.h"

namespace sluice::sim {

/// A file of zeros of any size, whose reads copy nothing: each returns a part of one region of
/// memory that nobody has written to. The kernel backs each of its pages with the same page of
/// zeros, so the region stays in the first cache, whatever its length. One thread.
class CountedFile final : public FileSystem {
 public:
  /// `size`: in bytes. `most_read`: the largest length of a read. Throws std::bad_alloc.
  CountedFile(std::string path, std::uint64_t size, std::size_t most_read);
  ~CountedFile() override;
  CountedFile(const CountedFile&) = delete;
  CountedFile& operator=(const CountedFile&) = delete;

  Result<OpenedSource> open(const std::string& path, std::size_t block_size) override;
  Result<FileIdentity> identity_at(const std::string& path) override;

 private:
  class Reader;

  const std::string path_;
  const FileIdentity identity_;
  std::span<std::byte> zeros_;
};

}  // namespace sluice::sim
