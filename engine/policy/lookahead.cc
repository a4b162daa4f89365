#include "engine/policy/lookahead.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "engine/base/seconds.h"
#include "engine/policy/chunk_sizer.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// A shorter round trip is negligible beside the thread wake-ups within one machine.
constexpr auto long_round_trip = 1ms;
/// The same for the answer to a chunk, which a nearby server must read first: in seconds, and as a
/// share of the chunk's time.
constexpr double long_answer = 0.010;
constexpr double large_share = 0.02;

/// In parallel, a chunk can be sent up to one pool of bytes before the chunk in front. Front
/// servers wait for a held-back end for a limited time (60 s for nginx).
constexpr double longest_hold = 10;  // s
/// A trial is long enough for the congestion windows to settle. The chunks that were in flight when
/// the trial began do not count.
constexpr int least_chunks = 3;
constexpr double least_seconds = 1;
constexpr int chunks_between = 2;
/// In chunks. The cause of a failure may persist, and each attempt costs two timeouts at worst.
constexpr int longest_rest = 1024;
/// Two chunks are enough if the rate is this much lower.
constexpr double hopeless = 0.7;
/// Sending in turn is preferred at almost the same rate, because the server holds fewer chunks.
constexpr double good_enough = 0.98;

/// Bytes per second that the connections carry from the first chunk on.
constexpr double usual_link = 125e6;
/// The send buffer does not limit a connection that could carry this many times the measured rate.
constexpr double ample = 2;
/// The buffer limits the rate if it does so for this share of the time, and packets do not queue if
/// the round trip is below this multiple of the shortest one.
constexpr double bounded_share = 0.2;
constexpr double almost_no_queue = 1.2;
/// The gain that justifies one more connection, which holds another chunk at the server.
constexpr double worth_a_connection = 1.03;
/// The first chunk is 1/16 of the pool, 4 MiB by default. A window of 15 kB grows to 4 MB in eight
/// round trips, about half of the bytes in flight at 1 Gbit/s and 50 ms.
constexpr std::uint64_t share_of_pool_at_first = 16;

/// Returns how many connections, `least` to `most`, carry the usual link while one more waits for
/// its answer. `one_carries`: bytes per second. No connection is added for less than 0.3 of what
/// one carries.
unsigned streams_for_usual_link(double one_carries, unsigned least, unsigned most) {
  constexpr double worth_one_more = 0.3;
  const double needed = std::ceil(usual_link / one_carries - worth_one_more) + 1;
  return static_cast<unsigned>(
      std::clamp(needed, static_cast<double>(least), static_cast<double>(most)));
}

}  // namespace

Lookahead::Lookahead(const Setting& setting) : setting_(setting), refused_(setting.refused) {
  learn(setting.limits);
}

unsigned Lookahead::depth() const {
  if (refused_ || rest_ > 0) return 0;
  if (setting_.asked) return *setting_.asked;
  if (!pays_) return 0;
  // No more than send at the same time: a further connection would open its window later than the
  // others, and delay the chunks after its own.
  return std::max(streams_, 2U) - 1;
}

unsigned Lookahead::streams(double rate, std::uint64_t chunk) const {
  const bool may = rate == 0 ? chunk <= length_at_first(true)
                             : rate * longest_hold >= static_cast<double>(setting_.pool_bytes);
  if (!may) return 1;
  // All congestion windows open at the same time, also those of connections that will send in turn.
  return phase_ == Phase::opening ? depth() + 1 : streams_;
}

std::uint64_t Lookahead::length_at_first(bool ahead) const {
  // Short enough to be sent over a slow link in a reasonable time, and cheap to send again.
  const std::uint64_t most = std::min(ChunkSizer::moderate, setting_.pool_bytes / 4);
  return ahead ? most : std::min(most, setting_.pool_bytes / share_of_pool_at_first);
}

void Lookahead::answered(const Answer& answer) {
  if (!answer.network || answer.network->round_trip < long_round_trip) return;
  const Answer::Network& network = *answer.network;
  // The time in queues is not part of the way.
  const auto way =
      network.least_round_trip.count() > 0 ? network.least_round_trip : network.round_trip;
  bounded_ = network.bounded_by_buffer > bounded_share &&
             in_seconds(network.round_trip) < almost_no_queue * in_seconds(way);
  learn({network.bbr, network.max_in_flight_bytes, way});
}

void Lookahead::learn(const ConnectionLimits& limits) {
  if (limits.round_trip < long_round_trip) return;
  pays_ = true;
  bbr_ = limits.bbr;
  one_carries_ = carries(limits);
  one_is_enough_ = one_connection_is_enough(limits);
  if (phase_ == Phase::opening)
    streams_ = !bbr_ ? most_streams
               : one_is_enough_ || one_carries_ == 0
                   ? 1
                   : streams_for_usual_link(one_carries_, 2, most_streams);
}

bool Lookahead::Trial::add(std::uint64_t more, double took) {
  ++chunks;
  bytes += static_cast<double>(more);
  seconds += took;
  return chunks >= least_chunks && seconds >= least_seconds;
}

void Lookahead::committed(std::uint64_t bytes, double seconds, double idle) {
  if (rest_ > 0) --rest_;
  if (depth() > 0 && bbr_)
    try_out_bbr(bytes, seconds);
  else if (depth() > 0)
    try_out(bytes, seconds);
  if (idle >= long_answer && idle >= large_share * seconds) pays_ = true;
}

bool Lookahead::is_steady(std::uint64_t bytes) {
  alike_ = bytes == last_size_ ? alike_ + 1 : 0;
  last_size_ = bytes;
  if (alike_ < chunks_between) return false;
  alike_ = 0;
  return true;
}

void Lookahead::try_out_bbr(std::uint64_t bytes, double seconds) {
  if (phase_ == Phase::opening)
    phase_ = one_is_enough_ || one_carries_ == 0 ? Phase::decided : Phase::warming_up;
  if (phase_ == Phase::warming_up) {
    // Chunks that were sent while the congestion windows opened are slower than later ones.
    if (is_steady(bytes)) phase_ = Phase::trying_in_parallel;
    return;
  }
  if (phase_ == Phase::decided || !trial_.add(bytes, seconds)) return;
  const double rate = std::exchange(trial_, {}).rate();
  if (one_carries_ >= ample * rate) {
    streams_ = 1;
    phase_ = Phase::decided;
  } else if (rate_before_ > 0 && rate < rate_before_ * worth_a_connection) {
    --streams_;
    phase_ = Phase::decided;
  } else if (bounded_ && streams_ < most_streams) {
    rate_before_ = rate;
    ++streams_;
  }
}

void Lookahead::try_out(std::uint64_t bytes, double seconds) {
  switch (phase_) {
    case Phase::opening:
      phase_ = Phase::warming_up;
      [[fallthrough]];
    case Phase::warming_up:
    case Phase::changing:
      if (!is_steady(bytes)) return;
      phase_ = phase_ == Phase::warming_up ? Phase::trying_in_parallel : Phase::trying_in_turn;
      return;
    case Phase::trying_in_parallel:
      if (!trial_.add(bytes, seconds)) return;
      if (one_carries_ > 0 && one_carries_ <= trial_.rate()) {
        phase_ = Phase::decided;
        return;
      }
      rate_before_ = std::exchange(trial_, {}).rate();
      streams_ = 1;
      phase_ = Phase::changing;
      return;
    case Phase::trying_in_turn:
      if (!trial_.add(bytes, seconds) &&
          (trial_.chunks < 2 || trial_.rate() > rate_before_ * hopeless))
        return;
      if (trial_.rate() < rate_before_ * good_enough) streams_ = most_streams;
      phase_ = Phase::decided;
      return;
    case Phase::decided:
      return;
  }
}

void Lookahead::confirmed_ahead() {
  stumbles_ = held_stumbles_ = 0;
}

bool Lookahead::failed_ahead(const Result<Answer>& result, bool held) {
  if (refused_) return false;
  const bool told = result && result->status == 408;
  ++stumbles_;
  if (held && (told || !result)) ++held_stumbles_;
  // A connection can break at any time. Two such consecutive failures without another cause mean a
  // refusal.
  if ((told && held) || held_stumbles_ == 2) return refused_ = true;
  if (stumbles_ == 2) {
    stumbles_ = 0;
    rest_ = next_rest_;
    next_rest_ = std::min(2 * next_rest_, longest_rest);
  }
  return false;
}

}  // namespace sluice
