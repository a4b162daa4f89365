#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice {

/// How long the next chunk is.
///
/// A chunk is all or nothing at the server, which holds it in memory, so none is longer than it
/// has to be. But each answer costs a round trip and the server's thinking, whatever the
/// chunk's length. So the next chunk is longer, from 16 MiB on, where that pays:
///
///  - No chunk travels ahead: twice as long, up to 256 MiB, if waiting for answers takes
///    more than 3 % of the time.
///  - Chunks travel ahead: so long that the next one is still going out when the answer
///    comes, up to 64 MiB, if waiting takes more than 1 %; and twice as long if a chunk is
///    out within half a second, since each change from one connection to another costs a
///    little.
///  - The server keeps the bytes as they come: so long that waiting takes 0.3 %, and there
///    is no upper bound. No chunk is in its memory, and none is lost that breaks. A rest of the
///    file that is no longer than the chunk is sent with it, unless a chunk has failed.
///
/// Longer chunks do not make every wait rarer (a slow disk takes twice as long for twice the
/// bytes), so two such steps in a row that gave less than 2 % more bytes a second are the last
/// ones, until something fails. A chunk that broke on its way (reset, timeout, 502) makes the
/// next half as long, down to 256 KiB: on a link that breaks every 20 MB one of 64 MiB never
/// gets through. Commits make it grow again, by no more than doubling until it is as long as
/// what has failed: each one does so while it is below 16 MiB, but a length that has failed is
/// tried again only after 2 of them, and if it fails again after twice as many, up to 64. While
/// one that has failed is known, no step is more than a doubling. What a server refused as too
/// large (413) is not sent again. All this holds where nobody asked for a length; one that was
/// asked for is what is sent, 413 and failures make it less, and each commit doubles it again,
/// up to that (protocol section 1.8).
///
/// Not thread safe: the network thread's.
class ChunkSizer {
 public:
  /// The least that a chunk shrinks to of itself; a server's 413 can make it smaller, down to 1
  /// KiB.
  static constexpr std::uint64_t least_after_failures = 256 * 1024;
  static constexpr std::uint64_t least = 1024;

  /// Bytes, where nobody asked for a length.
  static constexpr std::uint64_t moderate = std::uint64_t{16} << 20;
  static constexpr std::uint64_t most_ahead = std::uint64_t{64} << 20;
  static constexpr std::uint64_t most_alone = std::uint64_t{256} << 20;

  /// All in bytes.
  struct Setting {
    std::uint64_t asked = 0;        ///< by the user; 0: nothing
    std::uint64_t bound = 0;        ///< what no chunk may go beyond; 0: not known
    std::uint64_t remembered = 0;   ///< where an earlier upload to this server ended; 0: not known
    std::uint64_t block_bytes = 1;  ///< at least 1
    /// What it begins with and grows to of itself while no chunk travels ahead.
    std::uint64_t first = moderate;
    std::uint64_t most = most_alone;
    /// The server keeps the bytes of a chunk as they come, and no chunk ever travels ahead.
    bool kept_as_it_comes = false;
  };

  explicit ChunkSizer(const Setting& setting);

  /// The length of the chunk that begins at byte `begin` of the file, at least 1. `left`: bytes of
  /// the file from there on; 0 if unknown. Where nobody asked for one and a whole block fits in, it
  /// ends where a block does, so that no block is in two chunks.
  std::uint64_t next(std::uint64_t begin = 0, std::uint64_t left = 0) const;

  /// A chunk that the server has confirmed.
  struct Committed {
    std::uint64_t bytes = 0;  ///< of the file
    /// Since the confirmation before it; since its own first byte where nothing was confirmed
    /// before it, or something failed in between.
    double seconds = 0;
    double waited_s = 0;  ///< of these: all that may go out was out, and only answers were awaited
    bool ahead = false;   ///< the next chunk was already travelling meanwhile
  };
  void committed(const Committed& chunk);

  /// A chunk broke on its way.
  void failed();

  /// The server refused a request with `payload` bytes of the file as too large (413). False where
  /// it is as small as can be already.
  bool too_large(std::uint64_t payload);

  /// The most that is sent at once: what was asked for, what it goes up to of itself, or less if
  /// the server refused that.
  std::uint64_t bound() const { return std::min(bound_, most_); }

  /// What to begin with the next time at this server: the last length that got through; 0 where
  /// that is what it began with, or nothing was learned.
  std::uint64_t worth_remembering() const;

 private:
  bool automatic() const { return asked_ == 0; }
  void resize(std::uint64_t bytes);
  /// How many times as long the next chunk has to be so that the waits pay no more: 2, 4, 8 or 16.
  std::uint64_t times_as_long(bool ahead) const;

  const std::uint64_t asked_;
  const std::uint64_t block_bytes_;
  const std::uint64_t most_alone_;
  const bool kept_as_it_comes_;
  std::uint64_t bound_;  ///< the user's and the server's
  std::uint64_t most_;   ///< its own
  std::uint64_t now_;
  const std::uint64_t began_with_;
  std::uint64_t got_through_ = 0;

  // Of the chunks of this length, the last ten or so: one hiccup is no reason.
  double bytes_ = 0;
  double seconds_ = 0;
  double waited_s_ = 0;
  unsigned commits_ = 0;
  double rate_before_ = 0;  ///< bytes a second with half the length; 0: not known

  unsigned in_vain_ = 0;         ///< doublings in a row that did not make it faster
  std::uint64_t failed_at_ = 0;  ///< the least length that has failed; 0: none
  unsigned retry_after_ = 0;     ///< commits, before that is tried again
};

}  // namespace sluice
