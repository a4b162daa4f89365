#include "tools/sluice/run/last_rate.h"

#include <gtest/gtest.h>

namespace sluice::cli::last_rate_test {
namespace {

constexpr std::uint64_t mib = 1 << 20;

TEST(LastRate, IsUnknownWithoutUploads) {
  EXPECT_FALSE(last_rate({}));
}

TEST(LastRate, CountsConcurrentUploads) {
  const auto rate = last_rate({{.bytes = 30 * mib, .started_s = 100, .registered_s = 110},
                               {.bytes = 10 * mib, .started_s = 102, .registered_s = 120}});
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->files, 2U);
  EXPECT_DOUBLE_EQ(rate->bytes_per_second, 2.0 * mib);
  EXPECT_DOUBLE_EQ(rate->seconds_for(10 * mib), 5.0);
}

TEST(LastRate, EndsAtPause) {
  const auto rate = last_rate({{.bytes = 10 * mib, .started_s = 1000, .registered_s = 1010},
                               {.bytes = 10 * mib, .started_s = 930, .registered_s = 940},
                               {.bytes = 900 * mib, .started_s = 0, .registered_s = 869}});
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->files, 2U);
  EXPECT_DOUBLE_EQ(rate->bytes_per_second, 20.0 * mib / 80);
}

TEST(LastRate, IsUnknownForShortUploads) {
  EXPECT_FALSE(last_rate({{.bytes = mib - 1, .started_s = 100, .registered_s = 110}}));
  EXPECT_FALSE(last_rate({{.bytes = mib, .started_s = 100, .registered_s = 100}}));
}

}  // namespace
}  // namespace sluice::cli::last_rate_test
