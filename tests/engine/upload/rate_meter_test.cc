#include "engine/upload/rate_meter.h"

#include <gtest/gtest.h>

namespace sluice::rate_meter_test {
namespace {

using namespace std::chrono_literals;

constexpr auto start = RateMeter::Time(1000s);

TEST(RateMeter, HasNoRateBeforeQuarterOfSecond) {
  RateMeter meter;
  EXPECT_EQ(meter.look(0, start), 0);
  EXPECT_EQ(meter.look(1000, start + 200ms), 0);
  EXPECT_DOUBLE_EQ(meter.look(1000, start + 250ms), 4000);
}

TEST(RateMeter, MeasuresLastTwoSeconds) {
  RateMeter meter;
  meter.look(0, start);
  EXPECT_DOUBLE_EQ(meter.look(2100, start + 2100ms), 1000);
  EXPECT_DOUBLE_EQ(meter.look(2100 + 5000, start + 3100ms), 5000);
}

TEST(RateMeter, KeepsRateWhenBytesAreSentAgain) {
  RateMeter meter;
  meter.look(5000, start);
  EXPECT_DOUBLE_EQ(meter.look(6000, start + 1s), 1000);
  EXPECT_DOUBLE_EQ(meter.look(0, start + 2s), 1000);
  EXPECT_DOUBLE_EQ(meter.look(500, start + 3s), 500);
}

TEST(RateMeter, DiscardsRateOnRestart) {
  RateMeter meter;
  meter.look(0, start);
  meter.look(1000, start + 1s);
  meter.restart();
  EXPECT_EQ(meter.look(1000, start + 2s), 0);
}

}  // namespace
}  // namespace sluice::rate_meter_test
