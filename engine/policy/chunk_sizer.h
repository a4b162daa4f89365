#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice {

/// The rule for the length of the next chunk.
///
/// The server takes a chunk as a whole or not at all, and holds the chunk in memory, so no chunk is
/// longer than necessary. But each answer costs a round trip and the server's processing time,
/// whatever the chunk's length. So the length starts at 16 MiB and grows where that pays:
///
/// - No chunk is pipelined: the length doubles, up to 256 MiB, if waiting for answers takes more
///   than 3 % of the time.
/// - Chunks are pipelined: the length grows until the next chunk is still being sent when the
///   answer arrives, up to 64 MiB, if waiting takes more than 1 %. The length also doubles if a
///   chunk is sent within half a second, because each change from one connection to another costs a
///   little.
/// - The server keeps the bytes as they arrive: the length grows until waiting takes 0.3 %, without
///   an upper bound. No chunk is in the server's memory, and no bytes of a broken chunk are lost.
///   If the rest of the file after a chunk is no longer than that chunk, the rest is sent with it,
///   unless a chunk has failed.
///
/// Longer chunks do not reduce every wait (a slow disk takes twice as long for twice the bytes). So
/// growth stops after two steps in a row that gained less than 2 % in bytes per second, until a
/// chunk fails. A chunk that failed in flight (reset, timeout, 502) halves the length, down to 256
/// KiB: on a link that breaks every 20 MB a chunk of 64 MiB never gets through. Commits make the
/// length grow again, at most doubling each time until it is as long as the failed one. Each commit
/// doubles a length below 16 MiB. A length that has failed is tried again only after 2 commits, and
/// after each further failure of the same length after twice as many, up to 64. While a failed
/// length is known, no step is more than a doubling. A length that the server refused as too large
/// (413) is not sent again.
///
/// All this holds where the user did not request a length. A requested length is sent as it is. A
/// 413 and failures reduce it, and each commit doubles it again, up to the requested length
/// (protocol section 1.8).
///
/// Not thread safe: belongs to the network thread.
///
/// Has more fields than other classes: the measurements of each of these rules.
class ChunkSizer {
 public:
  /// The minimum length, in bytes, to which failures shrink a chunk. A 413 can shrink a chunk
  /// further, down to `least`, 1 KiB.
  static constexpr std::uint64_t least_after_failures = 256 * 1024;
  static constexpr std::uint64_t least = 1024;

  /// Lengths in bytes, where the user did not request one: the first length, and the maximum with
  /// and without pipelined chunks.
  static constexpr std::uint64_t moderate = std::uint64_t{16} << 20;
  static constexpr std::uint64_t most_ahead = std::uint64_t{64} << 20;
  static constexpr std::uint64_t most_alone = std::uint64_t{256} << 20;

  /// The settings; all lengths are in bytes.
  struct Setting {
    std::uint64_t asked = 0;        ///< requested by the user; 0: not requested
    std::uint64_t bound = 0;        ///< maximum length of a chunk; 0: unknown
    std::uint64_t remembered = 0;   ///< last length of an earlier upload to this server; 0: unknown
    std::uint64_t block_bytes = 1;  ///< at least 1
    /// The first length, and the maximum length while no chunk is pipelined.
    std::uint64_t first = moderate;
    std::uint64_t most = most_alone;
    /// Whether the server keeps the bytes of a chunk as they arrive. No chunk is ever pipelined
    /// then.
    bool kept_as_it_comes = false;
  };

  explicit ChunkSizer(const Setting& setting);

  /// Returns the length in bytes, at least 1, of the chunk that begins at byte `begin` of the file.
  /// `left`: bytes of the file from `begin` on; 0 if unknown. If the user did not request a length
  /// and a whole block fits, the chunk ends at the end of a block, so that no block is in two
  /// chunks.
  std::uint64_t next(std::uint64_t begin = 0, std::uint64_t left = 0) const;

  /// A chunk that the server has acknowledged.
  struct Committed {
    std::uint64_t bytes = 0;  ///< length, in bytes of the file
    /// Seconds since the previous acknowledgement; since the chunk's own first byte if there was
    /// none, or if a failure came in between.
    double seconds = 0;
    /// of `seconds`: time in which only answers were awaited, because everything that may be sent
    /// was sent
    double waited_s = 0;
    bool ahead = false;  ///< the next chunk was already in flight
  };
  /// Records a chunk that the server has acknowledged, and may lengthen the next one.
  void committed(const Committed& chunk);

  /// Records a chunk that failed in flight, and shortens the next one.
  void failed();

  /// Records that the server refused a request with `payload` bytes of the file as too large (413).
  /// Returns false if the length is already the minimum.
  bool too_large(std::uint64_t payload);

  /// Returns the current maximum length of a chunk, in bytes: the requested or the automatic
  /// maximum, or less if the server refused that.
  std::uint64_t bound() const { return std::min(bound_, most_); }

  /// Returns the first length, in bytes, for the next upload to this server: the last length that
  /// was acknowledged; 0 if that is the length this upload began with, or no chunk was
  /// acknowledged.
  std::uint64_t worth_remembering() const;

 private:
  bool automatic() const { return asked_ == 0; }
  void resize(std::uint64_t bytes);
  /// Returns the factor, 2, 4, 8 or 16, by which the next chunk must be longer so that waiting is
  /// below the threshold.
  std::uint64_t times_as_long(bool ahead) const;

  const std::uint64_t asked_;
  const std::uint64_t block_bytes_;
  const std::uint64_t most_alone_;
  const bool kept_as_it_comes_;
  std::uint64_t bound_;  ///< maximum set by the user and the server
  std::uint64_t most_;   ///< automatic maximum
  std::uint64_t now_;
  const std::uint64_t began_with_;
  std::uint64_t got_through_ = 0;

  // Sums over the chunks of the current length, with a decay of 0.9 for each chunk (about the last
  // ten), so that one outlier does not decide.
  double bytes_ = 0;
  double seconds_ = 0;
  double waited_s_ = 0;
  unsigned commits_ = 0;
  double rate_before_ = 0;  ///< bytes per second at the previous length; 0: unknown

  unsigned in_vain_ = 0;         ///< steps in a row that gained less than 2 %
  std::uint64_t failed_at_ = 0;  ///< the shortest length that has failed; 0: none
  unsigned retry_after_ = 0;     ///< commits before failed_at_ is tried again
};

}  // namespace sluice
