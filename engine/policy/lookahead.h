#pragma once

#include <cstdint>
#include <optional>

#include "engine/http/messages.h"
#include "engine/policy/one_connection.h"
#include "engine/protocol/protocol.h"
#include "io/result.h"

namespace sluice {

/// The rule for pipelined chunks (protocol section 1.7): how many chunks are sent before the chunk
/// in front is answered, and how many chunks send at the same time (streams(); with 1, a body
/// starts when the one in front is sent).
///
/// By default, no chunk is pipelined over a connection that answers at once, because an early chunk
/// costs the server memory. As soon as a round trip takes 1 ms, or the answers to chunks cost time,
/// as many chunks are pipelined as keep the link busy:
///
/// - At first all connections send at the same time, so that their congestion windows open in
///   parallel. The first chunk is short (length_at_first()): the server has acknowledged it before
///   the second chunk is sent completely, and the third chunk reuses its connection.
/// - With BBR and large send buffers (engine/policy/one_connection.h), two connections alternate.
/// - With BBR and small send buffers (Linux allows 4 MiB by default: 28 MB/s over 100 ms), as many
///   connections send as carry 1 Gbit/s, and one more. Afterwards two alternate if one carries
///   twice the measured rate; or one more is added each time that the buffers limit the rate and no
///   packet waits in a queue. More connections overflow the queue of the link, and the slowest one
///   then delays all chunks after its own.
/// - With another congestion control, losses limit a connection too. Four in parallel are measured
///   first, then two that alternate, unless one cannot carry the measured rate; the faster way is
///   kept.
///
/// bench/README.md has the figures. If a server or a proxy does not wait for a chunk whose end is
/// held back, no chunk is pipelined to that server from then on.
///
/// Not thread safe: belongs to the network thread.
///
/// Has more fields than other classes: the measurements of each of these rules.
class Lookahead {
 public:
  struct Setting {
    std::optional<unsigned> asked{};  ///< requested by the user; nullopt: automatic
    bool refused = false;             ///< this server refused to wait in an earlier upload
    std::uint64_t pool_bytes = 0;
    /// The limits measured before the upload; a round trip of 0: not measured.
    ConnectionLimits limits{};
  };
  explicit Lookahead(const Setting& setting);

  /// Returns how many chunks may be pipelined now.
  unsigned depth() const;
  /// Returns how many chunks may send at the same time, at least 1. `rate`: bytes per second that
  /// are being sent, 0 if unknown. `chunk`: length in bytes of the chunk that began last.
  unsigned streams(double rate, std::uint64_t chunk) const;
  /// Returns the maximum length in bytes of a chunk while no chunk was acknowledged. `ahead`:
  /// whether the chunk is pipelined behind another one.
  std::uint64_t length_at_first(bool ahead) const;

  /// Records any answer of the server.
  void answered(const Answer& answer);
  /// Records an acknowledged chunk: its length in bytes, the seconds since the previous
  /// acknowledgement, and `idle`, those of them in which nothing was in flight.
  void committed(std::uint64_t bytes, double seconds, double idle);

  /// Records that a pipelined chunk was acknowledged.
  void confirmed_ahead();
  /// Records the failure of a pipelined chunk, or of a chunk in front of pipelined ones, that
  /// pipelining may have caused. To be called at most once for each chunk in front. `held`: only
  /// the end of the chunk was missing. Returns true if the failure shows that the server does not
  /// wait, which is worth remembering. After two other consecutive failures no chunk is pipelined
  /// for the next 16 chunks, and for twice as many each further time, 1024 at most.
  bool failed_ahead(const Result<Answer>& result, bool held);
  /// Returns whether the server refuses to wait for a held-back chunk.
  bool refused() const { return refused_; }

 private:
  static constexpr unsigned most_streams = 4;

  /// Acknowledged chunks, in parallel or in turn.
  struct Trial {
    int chunks = 0;
    double bytes = 0;
    double seconds = 0;

    /// Adds a chunk. Returns true once the trial is long enough.
    bool add(std::uint64_t more, double took);
    double rate() const { return bytes / seconds; }
  };
  /// The phases, in their order.
  enum class Phase { opening, warming_up, trying_in_parallel, changing, trying_in_turn, decided };
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
  int stumbles_ = 0;        ///< consecutive failures with pipelined chunks
  int held_stumbles_ = 0;   ///< those of them where only the end was missing
  int rest_ = 0;            ///< chunks to send without pipelining
  int next_rest_ = 16;      ///< the next value of rest_
  Phase phase_ = Phase::opening;
  /// connections that send at the same time, after the opening phase
  unsigned streams_ = most_streams;
  bool one_is_enough_ = false;
  /// according to the last answer, the kernel's buffer limits the rate, not the link
  bool bounded_ = false;
  int alike_ = 0;  ///< consecutive chunks of the same size, in warming_up and changing
  std::uint64_t last_size_ = 0;
  Trial trial_;             ///< the current trial
  double rate_before_ = 0;  ///< bytes per second of the previous trial; 0: no trial
};

}  // namespace sluice
