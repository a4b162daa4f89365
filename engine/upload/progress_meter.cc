#include "engine/upload/progress_meter.h"

namespace sluice {
namespace {

constexpr auto span = std::chrono::seconds(10);
constexpr auto shortest_time = std::chrono::milliseconds(100);

}  // namespace

void ProgressMeter::update(Clock::time_point now, std::uint64_t bytes) {
  if (!samples_.empty() && bytes < samples_.back().bytes) samples_.clear();
  samples_.push_back({now, bytes});
  while (samples_.size() > 2 && now - samples_[1].at >= span) samples_.pop_front();
}

double ProgressMeter::rate() const {
  if (samples_.size() < 2) return 0;
  const auto elapsed = samples_.back().at - samples_.front().at;
  if (elapsed < shortest_time) return 0;
  return static_cast<double>(samples_.back().bytes - samples_.front().bytes) /
         std::chrono::duration<double>(elapsed).count();
}

std::optional<double> ProgressMeter::seconds_for(std::uint64_t bytes) const {
  const double rate = this->rate();
  if (rate <= 0) return {};
  return static_cast<double>(bytes) / rate;
}

}  // namespace sluice
