#include "tools/sluice/display/bottleneck_meter.h"

#include <cmath>

namespace sluice::cli {
namespace {

constexpr double memory_s = 10;
constexpr double least_s = 0.5;

void fade(Stages& stages, double factor) {
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
  fade(lately_, std::exp(-std::chrono::duration<double>(now - before).count() / memory_s));
  lately_ += stages;
}

std::optional<Bottleneck> BottleneckMeter::bottleneck() const {
  const double counted = lately_.send.busy_s + lately_.send.wait_s + lately_.server.busy_s;
  if (counted < least_s) return {};
  return find_bottleneck(lately_);
}

}  // namespace sluice::cli
