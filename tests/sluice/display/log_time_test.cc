#include "tools/sluice/display/log_time.h"

#include <gtest/gtest.h>

namespace sluice::cli::log_time_test {
namespace {

std::tm afternoon() {
  std::tm time{};
  time.tm_year = 126;
  time.tm_mon = 10;
  time.tm_mday = 28;
  time.tm_hour = 14;
  time.tm_min = 3;
  time.tm_sec = 5;
  return time;
}

TEST(LogTimeTest, HasTheOffsetFromUtc) {
  EXPECT_EQ(log_time(afternoon(), 0), "2026-11-28T14:03:05+00:00");
  EXPECT_EQ(log_time(afternoon(), -6 * 3600), "2026-11-28T14:03:05-06:00");
  EXPECT_EQ(log_time(afternoon(), 5 * 3600 + 1800), "2026-11-28T14:03:05+05:30");
  EXPECT_EQ(log_time(afternoon(), -(3 * 3600 + 1800)), "2026-11-28T14:03:05-03:30");
}

}  // namespace
}  // namespace sluice::cli::log_time_test
