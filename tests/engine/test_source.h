#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <string>

#include "io/local_file.h"
#include "io/source.h"

namespace sluice::test {

/// A file in a string, with read errors at a chosen offset.
class StringSource final : public Source {
 public:
  explicit StringSource(std::string content)
      : Source("test.bin", {.size = content.size()}), content_(std::move(content)) {}
  /// For an upload, which checks the path before it registers: `path` is a file with `content`.
  StringSource(std::string content, const std::string& path)
      : Source(path, *identity_at(path)), content_(std::move(content)) {}

  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                          std::span<std::byte> memory) const override {
    ++reads;
    if (before_read) before_read(offset);
    if (const std::uint64_t at = fails_at; offset <= at && at < offset + length)
      return Error{ErrorKind::local_file, "cannot read test.bin at offset " + std::to_string(at)};
    std::memcpy(memory.data(), content_.data() + offset, length);
    return std::span<const std::byte>(memory.first(length));
  }
  std::size_t memory_for(std::uint64_t, std::size_t length) const override { return length; }
  ReadMode mode() const override { return mode_to_tell; }
  Result<FileIdentity> identity_now() const override { return identity(); }

  void change(std::size_t at) { content_[at] = static_cast<char>(content_[at] ^ 1); }

  ReadMode mode_to_tell = ReadMode::buffered;
  std::function<void(std::uint64_t offset)> before_read;  ///< on the reader's thread
  std::atomic<std::uint64_t> fails_at{~std::uint64_t{0}};
  mutable std::atomic<int> reads{0};

 private:
  std::string content_;
};

}  // namespace sluice::test
