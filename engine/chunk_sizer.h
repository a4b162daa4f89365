#pragma once

#include <cstdint>

namespace sluice {

/// How long the next chunk is.
///
/// A chunk is all or nothing at the server, so one that never gets through whole never gets
/// through: on a link that breaks every 20 MB no chunk of 64 MiB will ever be committed. So a chunk
/// that failed is tried again at half its length, down to 256 KiB, and each one that is committed
/// doubles the next, up to what was asked for. A server that says 413 has named a bound: what it
/// refused is never sent again, and the bound is worth remembering (protocol section 1.8).
///
/// Not thread safe: the network thread's.
class ChunkSizer {
 public:
  /// The least that a chunk shrinks to of itself; a server's 413 can make it smaller, down to 1
  /// KiB.
  static constexpr std::uint64_t least_after_failures = 256 * 1024;
  static constexpr std::uint64_t least = 1024;

  /// `asked`: bytes, at least 1. `bound`: what this server refused to go beyond in the past; 0 for
  /// not known.
  ChunkSizer(std::uint64_t asked, std::uint64_t bound);

  /// Bytes.
  std::uint64_t next() const { return now_; }
  /// The server has confirmed a chunk.
  void committed();
  /// A chunk broke on its way.
  void failed();
  /// The server refused a request with `payload` bytes of the file as too large (413). False where
  /// it is as small as can be already.
  bool too_large(std::uint64_t payload);
  /// The most that is sent at once: what was asked for, or less if the server refused that.
  std::uint64_t bound() const { return bound_; }

 private:
  std::uint64_t bound_;
  std::uint64_t now_;
};

}  // namespace sluice
