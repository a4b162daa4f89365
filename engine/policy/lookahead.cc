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

/// Less is lost among the wake-ups of the threads of one machine.
constexpr auto long_round_trip = 1ms;
/// The same for the answer to a chunk, which a server next door has to read first: seconds, and of
/// the whole.
constexpr double long_answer = 0.010;
constexpr double large_share = 0.02;

/// Side by side, a chunk can be out up to a pool before the one in front of it, and front servers
/// do not wait for ever for what is held back (60 s for nginx).
constexpr double longest_hold = 10;  // s
/// A trial is long enough for the windows of the connections to be what they will be. The chunks
/// that were under way when it began are not its own.
constexpr int least_chunks = 3;
constexpr double least_seconds = 1;
constexpr int chunks_between = 2;
/// Whatever is in the way may be there again, and each try costs two timeouts at worst.
constexpr int longest_rest = 1024;
/// Two chunks are enough to see that it is so much slower.
constexpr double hopeless = 0.7;
/// In turn is easier on the server, which has to keep less.
constexpr double good_enough = 0.98;

/// Bytes a second for which there are connections enough from the first chunk on.
constexpr double usual_link = 125e6;
/// What the kernel lets a connection carry is no bound where it is so much more than what goes out.
constexpr double ample = 2;
/// Of the time, and round trips by the shortest: less is spent in no queue worth the name.
constexpr double bounded_share = 0.2;
constexpr double almost_no_queue = 1.2;
/// What one connection more has to win, as it keeps another chunk at the server.
constexpr double worth_a_connection = 1.03;
/// The first chunk is one 16th of the pool, 4 MiB by default. A window of 15 kB is 4 MB after eight
/// round trips, about half of what 1 Gbit/s and 50 ms have under way.
constexpr std::uint64_t share_of_pool_at_first = 16;

/// How many connections carry the usual link while one more waits for its answer: `least` to
/// `most`. `one_carries`: bytes a second. No connection is added for less than 0.3 of what one
/// carries.
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
  // No more than may send: a further connection would begin to open its window when the others have
  // opened theirs, and hold up the chunks behind it.
  return std::max(streams_, 2U) - 1;
}

unsigned Lookahead::streams(double rate, std::uint64_t chunk) const {
  const bool may = rate == 0 ? chunk <= length_at_first(true)
                             : rate * longest_hold >= static_cast<double>(setting_.pool_bytes);
  if (!may) return 1;
  // All windows open at the same time, also those of connections that will send in turn.
  return phase_ == Phase::opening ? depth() + 1 : streams_;
}

std::uint64_t Lookahead::length_at_first(bool ahead) const {
  // What goes out over a slow link in a time that can be borne, and is not much to send again.
  const std::uint64_t most = std::min(ChunkSizer::moderate, setting_.pool_bytes / 4);
  return ahead ? most : std::min(most, setting_.pool_bytes / share_of_pool_at_first);
}

void Lookahead::answered(const Answer& answer) {
  if (!answer.network || answer.network->round_trip < long_round_trip) return;
  const Answer::Network& network = *answer.network;
  // What waits in a queue is no part of the way.
  const auto way =
      network.least_round_trip.count() > 0 ? network.least_round_trip : network.round_trip;
  bounded_ = network.bounded_by_buffer > bounded_share &&
             in_seconds(network.round_trip) < almost_no_queue * in_seconds(way);
  learn({network.bbr, network.most_under_way, way});
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
    if (is_steady(bytes)) phase_ = Phase::trying_side_by_side;
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
      phase_ = phase_ == Phase::warming_up ? Phase::trying_side_by_side : Phase::trying_in_turn;
      return;
    case Phase::trying_side_by_side:
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
  // A connection can break at any time; twice in a row with nothing else wrong is an answer.
  if ((told && held) || held_stumbles_ == 2) return refused_ = true;
  if (stumbles_ == 2) {
    stumbles_ = 0;
    rest_ = next_rest_;
    next_rest_ = std::min(2 * next_rest_, longest_rest);
  }
  return false;
}

}  // namespace sluice
