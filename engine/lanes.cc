#include "engine/lanes.h"

#include <algorithm>
#include <utility>

#include "engine/seconds.h"
#include "engine/upload_run.h"

namespace sluice {
namespace {

/// Long enough for the windows of new connections to open at 100 ms of round trip.
constexpr double measured_for = 2;  // s
constexpr double worth_it = 1.1;

}  // namespace

Lanes::Lanes(Setting setting, std::function<void()> on_over)
    : setting_(std::move(setting)),
      on_over_(std::move(on_over)),
      through_(setting_.parts.size(), false),
      wanted_(setting_.first),
      decided_(setting_.first >= setting_.most) {}

void Lanes::start() {
  since_ = Clock::now();
  sent_then_ = sent();
  fill();
}

void Lanes::fill() {
  while (!over_ && !failure_ && running_ < wanted_ && next_ < setting_.parts.size()) {
    ++running_;
    widest_ = std::max(widest_, running_);
    setting_.parts[next_++]->start();
  }
}

void Lanes::part_over(std::size_t index) {
  if (through_[index]) return;
  through_[index] = true;
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
  for (std::size_t i = 0; i < next_; ++i)
    if (!through_[i]) setting_.parts[i]->cancel();
}

std::uint64_t Lanes::sent() const {
  std::uint64_t sent = 0;
  for (const auto& part : setting_.parts) sent += part->progress().sent;
  return sent;
}

void Lanes::look() {
  const auto now = Clock::now();
  const double elapsed = in_seconds(now - since_);
  if (decided_ || elapsed < measured_for) return;
  const std::uint64_t sent = this->sent();
  const double rate = static_cast<double>(sent - std::min(sent, sent_then_)) / elapsed;
  since_ = now;
  sent_then_ = sent;
  if (rate < rate_before_ * worth_it || wanted_ >= setting_.most ||
      next_ == setting_.parts.size()) {
    decided_ = true;
    return;
  }
  rate_before_ = rate;
  wanted_ = std::min(wanted_ * 2, setting_.most);
  fill();
}

}  // namespace sluice
