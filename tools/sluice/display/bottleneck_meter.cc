#include "tools/sluice/display/bottleneck_meter.h"

#include <cmath>

namespace sluice::cli {
namespace {

constexpr double decay_time_s = 10;
constexpr double min_network_s = 0.5;

void decay(Stages& stages, double factor) {
  for (StageTimes* const times : {&stages.read, &stages.checksum, &stages.send, &stages.server}) {
    times->busy_s *= factor;
    times->wait_s *= factor;
  }
  stages.wait_for_read_s *= factor;
  stages.wait_for_checksum_s *= factor;
  stages.wait_for_journal_s *= factor;
}

}  // namespace

void BottleneckMeter::update(Clock::time_point now, const Stages& stages) {
  const Clock::time_point before = updated_.value_or(now);
  updated_ = now;
  decay(recent_, std::exp(-std::chrono::duration<double>(now - before).count() / decay_time_s));
  recent_ += stages;
}

std::optional<Bottleneck> BottleneckMeter::bottleneck() const {
  const double counted = recent_.send.busy_s + recent_.send.wait_s + recent_.server.busy_s;
  if (counted < min_network_s) return {};
  return find_bottleneck(recent_);
}

}  // namespace sluice::cli
