#pragma once

#include <cstdint>
#include <optional>

#include "engine/http.h"
#include "engine/protocol.h"
#include "io/result.h"

namespace sluice {

/// How many chunks travel ahead of the one that is being answered (protocol section 1.7).
///
/// By itself: none over a connection that answers at once, as a chunk that comes early costs a
/// server room. As soon as a round trip takes 1 ms, or the answers to chunks cost time, so many
/// that the link is never idle; more than one since the kernel bounds what a connection has under
/// way (4 MiB by default, 40 MB/s over 100 ms) and takes its window back where it is idle, so that
/// two bodies side by side are faster than one after the other (bench/README.md). A server or a
/// proxy that does not wait for a chunk whose end is held back is told so only once: from then on,
/// none.
///
/// Not thread safe: the network thread's.
class Lookahead {
 public:
  static constexpr unsigned most = 16;

  struct Setting {
    std::optional<unsigned> asked{};  ///< at most `most`; nothing: by itself
    bool refused = false;             ///< this server did not wait in the past
    std::uint64_t pool_bytes = 0;
  };
  explicit Lookahead(const Setting& setting);

  /// How many chunks may travel ahead now.
  unsigned depth() const;
  /// Whether they may do so side by side, at that rate in bytes a second. If not, each begins when
  /// the one before it is out: what is sent early would be held back for longer than front servers
  /// wait (60 s for nginx).
  bool side_by_side(double rate) const;

  /// Whatever was answered.
  void answered(const Answer& answer);
  /// A chunk was confirmed, `seconds` after the one before it, of which nothing was under way for
  /// `idle`.
  void committed(double seconds, double idle);

  /// A chunk that travelled ahead has ended before its turn. `held`: only its end was missing.
  /// True if that says that the server does not wait, which is worth remembering.
  bool ended_early(const Result<Answer>& result, bool held);
  /// Why there is none.
  bool refused() const { return refused_; }

 private:
  const Setting setting_;
  bool pays_ = false;
  bool refused_;
  int stumbles_ = 0;  ///< in a row
};

}  // namespace sluice
