#include "engine/policy/chunk_sizer.h"

#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

namespace sluice {
namespace {

/// Shares of the time: a longer chunk pays if waiting takes more.
constexpr double worth_winning_alone = 0.03;
constexpr double worth_winning_ahead = 0.01;
constexpr double worth_winning_where_kept = 0.003;
constexpr double least_gain = 1.02;  // a rate that is this much higher counts as faster
constexpr double decay = 0.9;        // decay of the sums for each chunk
/// Seconds. A pipelined chunk that is sent faster is doubled: when one connection takes over from
/// the other, both send for a moment, and packets that a queue drops then are sent again.
constexpr double shortest_ahead = 0.5;
constexpr unsigned most_futile_steps = 2;
constexpr double most_times = 16;          // greatest factor of one step
constexpr unsigned first_retry_after = 2;  // commits
constexpr unsigned last_retry_after = 64;

constexpr std::uint64_t unbounded = std::numeric_limits<std::uint64_t>::max();

std::uint64_t unless_zero(std::uint64_t bytes, std::uint64_t otherwise) {
  return bytes == 0 ? otherwise : bytes;
}

}  // namespace

ChunkSizer::ChunkSizer(const Setting& setting)
    : asked_(setting.asked),
      block_bytes_(setting.block_bytes),
      most_alone_(setting.most),
      kept_as_it_comes_(setting.kept_as_it_comes),
      bound_(
          std::min(unless_zero(setting.asked, unbounded), unless_zero(setting.bound, unbounded))),
      // Starts with the maximum for pipelined chunks; the first commit shows whether chunks are
      // pipelined.
      most_(!automatic()               ? unbounded
            : setting.kept_as_it_comes ? setting.most
                                       : most_ahead),
      now_(std::min(bound(), unless_zero(asked_, unless_zero(setting.remembered, setting.first)))),
      began_with_(now_) {
  assert(block_bytes_ > 0 && now_ > 0);
}

std::uint64_t ChunkSizer::next(std::uint64_t begin, std::uint64_t left) const {
  if (!automatic()) return now_;
  const bool takes_rest = kept_as_it_comes_ && failed_at_ == 0 && left <= bound();
  if (takes_rest && left > now_ && left - now_ <= now_) return left;
  const std::uint64_t end = begin + now_;
  const std::uint64_t end_of_block = end - end % block_bytes_;
  return end_of_block > begin ? end_of_block - begin : now_;
}

void ChunkSizer::committed(const Committed& chunk) {
  if (!automatic()) {
    resize(now_ > bound_ / 2 ? bound_ : now_ * 2);
    return;
  }
  most_ = chunk.ahead ? most_ahead : most_alone_;
  if (now_ > bound()) resize(bound());
  // Ignores shorter and longer chunks: they were the end of the file, or in flight when the length
  // changed.
  if (chunk.bytes > now_ || chunk.bytes <= now_ / 2) return;
  got_through_ = now_;
  if (now_ >= failed_at_) failed_at_ = 0;
  ++commits_;
  bytes_ = decay * bytes_ + static_cast<double>(chunk.bytes);
  seconds_ = decay * seconds_ + chunk.seconds;
  waited_s_ = decay * waited_s_ + chunk.waited_s;
  if (commits_ == 1 && now_ > moderate && rate_before_ > 0)
    in_vain_ = bytes_ > rate_before_ * least_gain * seconds_ ? 0 : in_vain_ + 1;

  const double worth = kept_as_it_comes_ ? worth_winning_where_kept
                       : chunk.ahead     ? worth_winning_ahead
                                         : worth_winning_alone;
  const bool waits = waited_s_ > worth * seconds_;
  const bool brief = chunk.ahead && chunk.seconds < shortest_ahead;
  const bool pays = (waits || brief) && in_vain_ < most_futile_steps;
  // On an unstable link, a large step would skip many lengths that fail too.
  const bool jumps = waits && pays && failed_at_ == 0;
  const std::uint64_t longer = std::min(now_ * (jumps ? times_as_long(chunk.ahead) : 2), bound());
  const bool may = failed_at_ == 0 || longer < failed_at_ || commits_ >= retry_after_;
  if (longer <= now_ || !may || (now_ >= moderate && !pays)) return;
  const double rate = seconds_ > 0 ? bytes_ / seconds_ : 0;
  resize(longer);
  rate_before_ = rate;
}

std::uint64_t ChunkSizer::times_as_long(bool ahead) const {
  const double sent_s = std::max(seconds_ - waited_s_, seconds_ / most_times);
  double times = 2;
  if (kept_as_it_comes_)  // the wait stays the same, and must become a smaller share
    times = waited_s_ / sent_s / worth_winning_where_kept;
  else if (ahead)  // the next chunk must still be in flight when the answer arrives
    times = seconds_ / sent_s;
  return std::bit_ceil(static_cast<std::uint64_t>(std::clamp(std::ceil(times), 2.0, most_times)));
}

void ChunkSizer::failed() {
  const bool again = now_ == failed_at_;
  retry_after_ = again ? std::min(retry_after_ * 2, last_retry_after) : first_retry_after;
  failed_at_ = now_;
  in_vain_ = 0;
  // A shorter length was requested or demanded by the server.
  if (now_ > least_after_failures) resize(std::max(now_ / 2, least_after_failures));
}

bool ChunkSizer::too_large(std::uint64_t payload) {
  if (payload > now_) {  // one of several chunks in flight: the next chunk is already shorter
    bound_ = std::min(bound_, std::max(now_, payload / 2));
    return true;
  }
  const std::uint64_t smaller = std::min(now_, payload) / 2;
  if (smaller < least) return false;
  bound_ = smaller;
  resize(smaller);
  return true;
}

std::uint64_t ChunkSizer::worth_remembering() const {
  return automatic() && got_through_ != began_with_ ? got_through_ : 0;
}

void ChunkSizer::resize(std::uint64_t bytes) {
  now_ = bytes;
  bytes_ = 0;
  seconds_ = 0;
  waited_s_ = 0;
  commits_ = 0;
  rate_before_ = 0;
}

}  // namespace sluice
