#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::sim {

/// A part of a request body in flight: either real bytes, or a number of bytes whose values do not
/// matter and that are not stored.
struct Piece {
  std::string text{};         ///< the real bytes; empty if `counted` is not 0
  std::uint64_t counted = 0;  ///< number of bytes without values; 0 if `text` is not empty

  std::uint64_t size() const { return text.size() + counted; }
  /// Returns the first `bytes` bytes, at most size().
  Piece first(std::uint64_t bytes) const {
    return counted > 0 ? Piece{.counted = bytes}
                       : Piece{.text = text.substr(0, static_cast<std::size_t>(bytes))};
  }
};

/// Bytes that a server has stored. Keeps only their number after a counted piece was added.
class Stored {
 public:
  Stored() = default;
  explicit Stored(std::string_view text) : text_(text), size_(text.size()) {}

  std::uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Returns whether the values of all bytes are known.
  bool has_values() const { return text_.size() == size_; }
  /// Returns the bytes; empty unless has_values().
  const std::string& text() const { return text_; }

  void append(std::string_view text) {
    if (has_values()) text_ += text;
    size_ += text.size();
  }
  void append(const Stored& other) {
    if (other.has_values()) {
      append(other.text_);
    } else {
      append_counted(other.size_);
    }
  }
  /// Appends `bytes` bytes without values, and forgets the values of the others unless `bytes` is
  /// 0.
  void append_counted(std::uint64_t bytes) {
    if (bytes == 0) return;
    text_.clear();
    size_ += bytes;
  }
  /// Discards all bytes from `size` on; `size` is at most size().
  void shorten(std::uint64_t size) {
    if (has_values()) text_.resize(static_cast<std::size_t>(size));
    size_ = size;
  }
  void clear() { *this = {}; }

 private:
  std::string text_;
  std::uint64_t size_ = 0;
};

}  // namespace sluice::sim
