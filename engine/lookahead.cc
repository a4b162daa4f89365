#include "engine/lookahead.h"

#include <algorithm>
#include <chrono>

#include "engine/chunk_sizer.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr unsigned depth_by_itself = 3;

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

}  // namespace

Lookahead::Lookahead(const Setting& setting) : setting_(setting), refused_(setting.refused) {}

unsigned Lookahead::depth() const {
  if (refused_ || rest_ > 0) return 0;
  if (setting_.asked) return *setting_.asked;
  if (!pays_) return 0;
  return in_turn_ ? 1 : depth_by_itself;
}

bool Lookahead::side_by_side(double rate, std::uint64_t chunk) const {
  if (in_turn_) return false;
  if (rate == 0) return chunk <= most_at_first();
  return rate * longest_hold >= static_cast<double>(setting_.pool_bytes);
}

std::uint64_t Lookahead::most_at_first() const {
  // What goes out over a slow link in a time that can be borne, and is not much to send again.
  return std::min(ChunkSizer::moderate, setting_.pool_bytes / 4);
}

void Lookahead::answered(const Answer& answer) {
  if (!answer.network || answer.network->round_trip < long_round_trip) return;
  pays_ = true;
  one_carries_ = static_cast<double>(answer.network->most_under_way) /
                 std::chrono::duration<double>(answer.network->round_trip).count();
}

bool Lookahead::Trial::enough() const {
  return chunks >= least_chunks && seconds >= least_seconds;
}

void Lookahead::committed(std::uint64_t bytes, double seconds, double idle) {
  if (rest_ > 0) --rest_;
  if (depth() > 0) try_out(bytes, seconds);
  if (idle >= long_answer && idle >= large_share * seconds) pays_ = true;
}

void Lookahead::try_out(std::uint64_t bytes, double seconds) {
  const auto add = [&](Trial& trial) {
    ++trial.chunks;
    trial.bytes += static_cast<double>(bytes);
    trial.seconds += seconds;
    return trial.enough();
  };
  switch (phase_) {
    case Phase::warming_up:
    case Phase::changing:
      alike_ = bytes == last_size_ ? alike_ + 1 : 0;
      last_size_ = bytes;
      if (alike_ < chunks_between) return;
      alike_ = 0;
      phase_ = phase_ == Phase::warming_up ? Phase::trying_side_by_side : Phase::trying_in_turn;
      return;
    case Phase::trying_side_by_side:
      if (!add(side_by_side_)) return;
      in_turn_ = one_carries_ == 0 || one_carries_ > side_by_side_.rate();
      phase_ = in_turn_ ? Phase::changing : Phase::decided;
      return;
    case Phase::trying_in_turn:
      if (!add(one_by_one_) &&
          (one_by_one_.chunks < 2 || one_by_one_.rate() > side_by_side_.rate() * hopeless))
        return;
      in_turn_ = one_by_one_.rate() >= side_by_side_.rate() * good_enough;
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
