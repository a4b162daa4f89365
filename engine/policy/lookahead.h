#pragma once

#include <cstdint>
#include <optional>

#include "engine/http/messages.h"
#include "engine/policy/one_connection.h"
#include "engine/protocol/protocol.h"
#include "io/result.h"

namespace sluice {

/// How many chunks travel ahead of the one that is being answered (protocol section 1.7), and how
/// many of them send at the same time: 1 is in turn, each body when the one in front of it is out.
///
/// By itself: none over a connection that answers at once, as a chunk that comes early costs a
/// server room. As soon as a round trip takes 1 ms, or the answers to chunks cost time, so many
/// that the link is never idle:
///
///  - At first all connections send at the same time, so that their congestion windows open in
///    parallel. The first chunk is short (length_at_first()): the server has acknowledged it before
///    the second chunk is sent completely, and the third chunk reuses its connection.
///  - With BBR and large send buffers (engine/policy/one_connection.h), two connections alternate.
///  - With BBR and small send buffers (Linux allows 4 MiB by default: 28 MB/s over 100 ms), as many
///    connections send as carry 1 Gbit/s, and one more. Afterwards two alternate if one carries
///    twice the measured rate; or one more is added each time that the buffers limit the rate and
///    no packet waits in a queue. More connections overflow the queue of the link, and the slowest
///    one then delays all chunks after its own.
///  - With another congestion control, losses limit a connection too. Four in parallel are measured
///    first, then two that alternate, unless one cannot carry the measured rate; the faster way is
///    kept.
///
/// bench/README.md has the figures. A server or a proxy that does not wait for a chunk whose end is
/// held back is asked to only once: from then on, none.
///
/// Not thread safe: the network thread's.
class Lookahead {
 public:
  struct Setting {
    std::optional<unsigned> asked{};  ///< nothing: by itself
    bool refused = false;             ///< this server did not wait in the past
    std::uint64_t pool_bytes = 0;
    /// As measured before the upload; a round trip of 0: not measured.
    ConnectionLimits limits{};
  };
  explicit Lookahead(const Setting& setting);

  /// How many chunks may travel ahead now.
  unsigned depth() const;
  /// How many chunks may send at the same time, at least 1, where the last one that has begun is
  /// `chunk` bytes long; `rate`: bytes a second that go out now, 0 for not known.
  unsigned streams(double rate, std::uint64_t chunk) const;
  /// How long a chunk should be while nothing was confirmed yet, at most, in bytes. `ahead`: there
  /// is one in front of it.
  std::uint64_t length_at_first(bool ahead) const;

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
  static constexpr unsigned most_streams = 4;

  /// Chunks that were confirmed while they went the one way or the other.
  struct Trial {
    int chunks = 0;
    double bytes = 0;
    double seconds = 0;

    /// True once it is long enough.
    bool add(std::uint64_t more, double took);
    double rate() const { return bytes / seconds; }
  };
  /// In this order.
  enum class Phase { opening, warming_up, trying_side_by_side, changing, trying_in_turn, decided };
  void learn(const ConnectionLimits& limits);
  /// Call for each confirmed chunk, with its length. Returns true after several chunks of the same
  /// length in a row: all chunks that were in flight at the last change are confirmed then.
  bool is_steady(std::uint64_t bytes);
  void try_out(std::uint64_t bytes, double seconds);
  void try_out_bbr(std::uint64_t bytes, double seconds);

  const Setting setting_;
  bool pays_ = false;
  bool refused_;
  bool bbr_ = false;
  double one_carries_ = 0;  ///< bytes a second that the kernel lets a connection carry; 0: unknown
  int stumbles_ = 0;        ///< in a row
  int held_stumbles_ = 0;   ///< of them, those where only the end was missing
  int rest_ = 0;            ///< chunks that are still to be sent without
  int next_rest_ = 16;      ///< how many those will be the next time
  Phase phase_ = Phase::opening;
  unsigned streams_ = most_streams;  ///< that send at the same time, after the opening
  bool one_is_enough_ = false;
  bool bounded_ = false;  ///< by the last answer: by the kernel's buffer, and not by the link
  int alike_ = 0;         ///< chunks of the same size in a row, in warming_up and changing
  std::uint64_t last_size_ = 0;
  Trial trial_;             ///< that is going on
  double rate_before_ = 0;  ///< bytes a second, of the trial before it; 0: of none
};

}  // namespace sluice
