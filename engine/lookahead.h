#pragma once

#include <cstdint>
#include <optional>

#include "engine/http.h"
#include "engine/protocol.h"
#include "io/result.h"

namespace sluice {

/// How many chunks travel ahead of the one that is being answered (protocol section 1.7), and
/// whether side by side or in turn, each body when the one in front of it is out.
///
/// By itself: none over a connection that answers at once, as a chunk that comes early costs a
/// server room. As soon as a round trip takes 1 ms, or the answers to chunks cost time, so many
/// that the link is never idle. Side by side is what the first ones go, so that their connections
/// open their windows at the same time. What is better then is measured: in turn, one connection
/// after the other has the whole link, and one chunk ahead is enough; but where the kernel or loss
/// bounds what one connection carries (4 MiB under way by default, 40 MB/s over 100 ms), only
/// several fill it (bench/README.md has the figures). A server or a proxy that does not wait for a
/// chunk whose end is held back is asked to only once: from then on, none.
///
/// Not thread safe: the network thread's.
class Lookahead {
 public:
  struct Setting {
    std::optional<unsigned> asked{};  ///< nothing: by itself
    bool refused = false;             ///< this server did not wait in the past
    std::uint64_t pool_bytes = 0;
  };
  explicit Lookahead(const Setting& setting);

  /// How many chunks may travel ahead now.
  unsigned depth() const;
  /// Whether a chunk of so many bytes may begin before the one in front of it is out; `rate`: bytes
  /// a second that go out now, 0 for not known.
  bool side_by_side(double rate, std::uint64_t chunk) const;
  /// How long a chunk should be while nothing was confirmed yet, at most, in bytes: several of
  /// them fit into the pool, and open their windows together.
  std::uint64_t most_at_first() const;

  /// Whatever was answered.
  void answered(const Answer& answer);
  /// A chunk of so many bytes was confirmed, `seconds` after the one before it, of which nothing
  /// was under way for `idle`.
  void committed(std::uint64_t bytes, double seconds, double idle);

  /// A chunk that travelled ahead was confirmed.
  void confirmed_ahead();
  /// A chunk that travelled ahead, or one that others were ahead of, has failed in a way that may
  /// be due to that. At most once for each chunk that is in front. `held`: only its end was
  /// missing. True if that says that the server does not wait, which is worth remembering. Whatever
  /// else it was: twice in a row, and there is none for some chunks, and for more the next time.
  bool failed_ahead(const Result<Answer>& result, bool held);
  /// The server does not wait.
  bool refused() const { return refused_; }

 private:
  /// Chunks that were confirmed while they went the one way or the other.
  struct Trial {
    int chunks = 0;
    double bytes = 0;
    double seconds = 0;

    bool enough() const;
    double rate() const { return bytes / seconds; }
  };
  /// In this order.
  enum class Phase { warming_up, trying_side_by_side, changing, trying_in_turn, decided };
  void try_out(std::uint64_t bytes, double seconds);

  const Setting setting_;
  bool pays_ = false;
  bool refused_;
  double one_carries_ =
      0;                   ///< bytes a second that the kernel lets one connection carry; 0: unknown
  int stumbles_ = 0;       ///< in a row
  int held_stumbles_ = 0;  ///< of them, those where only the end was missing
  int rest_ = 0;           ///< chunks that are still to be sent without
  int next_rest_ = 16;     ///< how many those will be the next time
  Phase phase_ = Phase::warming_up;
  bool in_turn_ = false;
  int alike_ = 0;  ///< chunks of the same size in a row, in warming_up and changing
  std::uint64_t last_size_ = 0;
  Trial side_by_side_;
  Trial one_by_one_;
};

}  // namespace sluice
