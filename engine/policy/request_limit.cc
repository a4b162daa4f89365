#include "engine/policy/request_limit.h"

#include <utility>

namespace sluice {
namespace {

constexpr std::chrono::minutes first_hold{5};
constexpr std::chrono::hours longest_limit_hold{24};

}  // namespace

RequestLimit::RequestLimit(const Setting& setting)
    : limit_(std::clamp(setting.first, 1U, most)),
      careful_(setting.remembered.has_value()),
      hold_(first_hold) {
  if (!setting.remembered) return;
  const unsigned remembered = std::clamp(*setting.remembered, 1U, most);
  // The smallest number of requests that can have caused the overload.
  failed_at_ = remembered + 1;
  limit_ = std::min(limit_, remembered);
  held_until_ = setting.now + hold_;
}

void RequestLimit::succeeded(unsigned in_flight, Clock::time_point now) {
  if (recovers_to_) limit_ = *std::exchange(recovers_to_, std::nullopt);
  if (in_flight < limit_) return;
  if (++successes_ < limit_) return;
  successes_ = 0;
  proven_ = std::max(proven_, limit_);
  if (careful_ && now < held_until_) return;
  limit_ = std::min(careful_ ? limit_ + 1 : limit_ * 2, most);
}

bool RequestLimit::overloaded(std::uint64_t round, unsigned in_flight, Clock::time_point now,
                              Overload overload) {
  if (in_flight <= 1 || round != round_) return false;
  const unsigned failed_at = std::min(in_flight, limit_);
  // A limit that worked with as many requests before does not work any more.
  if (proven_ >= failed_at || overload == Overload::unanswered) proven_ = 0;
  limit_ = std::max({failed_at / 2, proven_, 1U});
  if (overload == Overload::unanswered) {
    recovers_to_ = std::min(limit_, automatic);
    limit_ = 1;
  }
  if (round_ > 0) hold_ = std::min<Clock::duration>(hold_ * 2, longest_limit_hold);
  careful_ = true;
  failed_at_ = failed_at;
  successes_ = 0;
  held_until_ = now + hold_;
  ++round_;
  return true;
}

std::optional<unsigned> RequestLimit::worth_remembering() const {
  if (failed_at_ == 0 || proven_ >= failed_at_) return {};
  return recovers_to_.value_or(limit_);
}

}  // namespace sluice
