#include "engine/upload/lanes.h"

#include <algorithm>
#include <utility>

namespace sluice {

Lanes::Lanes(Setting setting, std::function<void()> on_over)
    : setting_(std::move(setting)),
      on_over_(std::move(on_over)),
      has_ended_(setting_.parts.size(), false),
      count_(setting_.first, setting_.most) {}

void Lanes::start(Clock::time_point now) {
  count_.look(sample(now));
  fill();
}

void Lanes::fill() {
  const std::size_t from = next_;
  while (!over_ && !failure_ && !cancelled_ && running_ < count_.lanes() &&
         next_ < setting_.parts.size()) {
    ++running_;
    ++next_;
  }
  widest_ = std::max(widest_, running_);
  share_pool();
  for (std::size_t i = from; i < next_; ++i) setting_.parts[i]->start();
}

void Lanes::share_pool() {
  for (std::size_t i = 0; i < next_; ++i)
    if (!has_ended_[i]) setting_.parts[i]->set_lane_count(running_);
}

void Lanes::part_over(std::size_t index) {
  if (has_ended_[index]) return;
  has_ended_[index] = true;
  --running_;
  Report report = setting_.parts[index]->report_now();
  if (report.status != Report::Status::registered && !failure_) {
    failure_ = std::move(report);
    cancel();
  }
  fill();
  if (running_ == 0 && !std::exchange(over_, true)) on_over_();
}

void Lanes::cancel() {
  cancelled_ = true;
  for (std::size_t i = 0; i < next_; ++i)
    if (!has_ended_[i]) setting_.parts[i]->cancel();
}

LaneCount::Sample Lanes::sample(Clock::time_point now) const {
  LaneCount::Sample sample{.at = now};
  std::chrono::microseconds all{0};
  std::chrono::microseconds least{0};
  int known = 0;
  for (std::size_t i = 0; i < next_; ++i) {
    sample.sent += setting_.parts[i]->transmitted();
    if (has_ended_[i]) continue;
    const auto network = setting_.parts[i]->network();
    if (!network || network->least_round_trip.count() <= 0) continue;
    all += network->round_trip;
    least += network->least_round_trip;
    sample.sent_again += network->sent_again;
    ++known;
  }
  if (known > 0) {
    sample.round_trip = all / known;
    sample.least_round_trip = least / known;
  }
  return sample;
}

void Lanes::look(Clock::time_point now) {
  if (count_.decided() || next_ == setting_.parts.size()) return;
  count_.look(sample(now));
  fill();
}

}  // namespace sluice
