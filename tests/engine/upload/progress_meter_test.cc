#include "engine/upload/progress_meter.h"

#include <gtest/gtest.h>

namespace sluice::progress_meter_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
const ProgressMeter::Clock::time_point start{std::chrono::hours(1)};

TEST(ProgressMeter, HasNoRateBeforeTenthOfSecond) {
  ProgressMeter meter;
  EXPECT_EQ(meter.rate(), 0);
  EXPECT_FALSE(meter.seconds_for(100));
  meter.update(start, 0);
  meter.update(start + milliseconds(1), 1000000);
  EXPECT_EQ(meter.rate(), 0);
}

TEST(ProgressMeter, AveragesLastTenSeconds) {
  ProgressMeter meter;
  // A fast minute, then a slow one: only the slow one counts.
  for (int i = 0; i <= 60; ++i)
    meter.update(start + seconds(i), static_cast<std::uint64_t>(i) * 1000);
  EXPECT_DOUBLE_EQ(meter.rate(), 1000);
  for (int i = 1; i <= 60; ++i)
    meter.update(start + seconds(60 + i), 60000 + static_cast<std::uint64_t>(i) * 10);
  EXPECT_DOUBLE_EQ(meter.rate(), 10);
  EXPECT_DOUBLE_EQ(*meter.seconds_for(100), 10);
  EXPECT_DOUBLE_EQ(*meter.seconds_for(0), 0);
}

TEST(ProgressMeter, RestartsWhenBytesAreSentAgain) {
  ProgressMeter meter;
  meter.update(start, 0);
  meter.update(start + seconds(1), 1000);
  meter.update(start + seconds(2), 500);
  EXPECT_EQ(meter.rate(), 0);
  meter.update(start + seconds(3), 600);
  EXPECT_DOUBLE_EQ(meter.rate(), 100);
}

}  // namespace
}  // namespace sluice::progress_meter_test
