#include "engine/lookahead.h"

#include <chrono>

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

/// Side by side, a chunk can be out up to a pool before the one in front of it.
constexpr double longest_hold = 10;  // s

}  // namespace

Lookahead::Lookahead(const Setting& setting) : setting_(setting), refused_(setting.refused) {}

unsigned Lookahead::depth() const {
  if (refused_) return 0;
  if (setting_.asked) return *setting_.asked;
  return pays_ ? depth_by_itself : 0;
}

bool Lookahead::side_by_side(double rate) const {
  return rate * longest_hold >= static_cast<double>(setting_.pool_bytes);
}

void Lookahead::answered(const Answer& answer) {
  if (answer.network && answer.network->round_trip >= long_round_trip) pays_ = true;
}

void Lookahead::committed(double seconds, double idle) {
  stumbles_ = 0;
  if (idle >= long_answer && idle >= large_share * seconds) pays_ = true;
}

bool Lookahead::ended_early(const Result<Answer>& result, bool held) {
  if (refused_) return false;
  if (result) {
    if (result->status != 408) return false;
    refused_ = true;
  } else if (held) {
    // A connection can break at any time; twice in a row with nothing else wrong is an answer.
    refused_ = ++stumbles_ == 2;
  }
  return refused_;
}

}  // namespace sluice
