#include "tools/sluice/display/bottleneck_meter.h"

#include <gtest/gtest.h>

namespace sluice::cli::bottleneck_meter_test {
namespace {

using namespace std::chrono_literals;
constexpr BottleneckMeter::Clock::time_point begin{};

/// Returns stages in which the network sent for `seconds`, or waited for the disk.
Stages sending(double seconds) {
  Stages stages;
  stages.send.busy_s = stages.read.wait_s = seconds;
  return stages;
}
Stages reading(double seconds) {
  Stages stages;
  stages.read.busy_s = stages.send.wait_s = stages.wait_for_read_s = seconds;
  return stages;
}

TEST(BottleneckMeterTest, ReturnsNothingTooEarly) {
  BottleneckMeter meter;
  EXPECT_FALSE(meter.bottleneck());
  meter.update(begin, sending(0.4));
  EXPECT_FALSE(meter.bottleneck());
  meter.update(begin + 100ms, sending(0.4));
  EXPECT_EQ(meter.bottleneck(), Bottleneck::network);
}

TEST(BottleneckMeterTest, FollowsChanges) {
  BottleneckMeter meter;
  auto now = begin;
  for (int second = 0; second < 3600; ++second) meter.update(now += 1s, sending(1));
  EXPECT_EQ(meter.bottleneck(), Bottleneck::network);
  for (int second = 0; second < 20; ++second) meter.update(now += 1s, reading(1));
  EXPECT_EQ(meter.bottleneck(), Bottleneck::disk);
}

TEST(BottleneckMeterTest, ForgetsOldTimes) {
  BottleneckMeter meter;
  meter.update(begin, sending(1));
  meter.update(begin + 1h, {});
  EXPECT_FALSE(meter.bottleneck());
}

}  // namespace
}  // namespace sluice::cli::bottleneck_meter_test
