#pragma once

#include "io/source.h"

namespace sluice {

/// A source over a range of another source; its offsets begin at 0. `whole` must outlive it.
class SliceSource final : public Source {
 public:
  /// [begin, begin + size) must lie inside `whole`. `begin` must be a multiple of
  /// BufferPool::alignment, so that direct reads of whole blocks stay aligned.
  SliceSource(const Source& whole, std::uint64_t begin, std::uint64_t size);

  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                          std::span<std::byte> memory) const override {
    return whole_.read(begin_ + offset, length, memory);
  }
  std::size_t memory_for(std::uint64_t offset, std::size_t length) const override {
    return whole_.memory_for(begin_ + offset, length);
  }
  ReadMode mode() const override { return whole_.mode(); }
  /// Returns identity() if the whole file is unchanged, else the current identity of the whole
  /// file.
  Result<FileIdentity> identity_now() const override;

 private:
  const Source& whole_;
  const std::uint64_t begin_;
};

}  // namespace sluice
