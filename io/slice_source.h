#pragma once

#include "io/source.h"

namespace sluice {

/// A range of another source as a source of its own, from 0 on. `whole` outlives it.
class SliceSource final : public Source {
 public:
  /// [begin, begin + size) lies inside `whole`. `begin`: a multiple of BufferPool::alignment, so
  /// that direct reads of whole blocks stay aligned.
  SliceSource(const Source& whole, std::uint64_t begin, std::uint64_t size);

  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                          std::span<std::byte> memory) const override {
    return whole_.read(begin_ + offset, length, memory);
  }
  std::size_t memory_for(std::uint64_t offset, std::size_t length) const override {
    return whole_.memory_for(begin_ + offset, length);
  }
  ReadMode mode() const override { return whole_.mode(); }
  /// What it is now if the whole file is what it was, else with the whole file's size and time.
  Result<FileIdentity> identity_now() const override;

 private:
  const Source& whole_;
  const std::uint64_t begin_;
};

}  // namespace sluice
