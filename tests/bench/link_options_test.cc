#include "bench/link_options.h"

#include <gtest/gtest.h>

namespace sluice::bench::link_options_test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(LinkOptions, ParsesRates) {
  EXPECT_EQ(parse_bit_rate("1G").value(), 1'000'000'000u);
  EXPECT_EQ(parse_bit_rate("2.5Gbit").value(), 2'500'000'000u);
  EXPECT_EQ(parse_bit_rate("100m").value(), 100'000'000u);
  EXPECT_EQ(parse_bit_rate("1000").value(), 1000u);
  for (const char* text : {"", "G", "-1G", "999", "101G", "1GB", "1 G", "nan", "inf", "1e9"})
    EXPECT_FALSE(parse_bit_rate(text)) << text;
}

TEST(LinkOptions, ParsesDelays) {
  EXPECT_EQ(parse_delay("25ms").value(), milliseconds(25));
  EXPECT_EQ(parse_delay("0.5ms").value(), microseconds(500));
  EXPECT_EQ(parse_delay("1.5s").value(), milliseconds(1500));
  EXPECT_EQ(parse_delay("0").value(), milliseconds(0));
  for (const char* text : {"", "25", "-1ms", "11s", "1m", "ms"})
    EXPECT_FALSE(parse_delay(text)) << text;
}

TEST(LinkOptions, ParsesLoss) {
  EXPECT_DOUBLE_EQ(parse_loss("0.1%").value(), 0.001);
  EXPECT_DOUBLE_EQ(parse_loss("0.001").value(), 0.001);
  EXPECT_DOUBLE_EQ(parse_loss("100%").value(), 1);
  for (const char* text : {"", "%", "101%", "1.1", "-0.1"}) EXPECT_FALSE(parse_loss(text)) << text;
}

TEST(LinkOptions, ReportsUsageErrors) {
  const auto rate = parse_bit_rate("fast");
  ASSERT_FALSE(rate);
  EXPECT_EQ(rate.error().kind, ErrorKind::usage);
  EXPECT_NE(rate.error().message.find("'fast'"), std::string::npos);
}

TEST(LinkOptions, DefaultQueueHoldsRoundTrip) {
  EXPECT_EQ(usual_queue(1'000'000'000, milliseconds(25)), 6'250'000u);
  EXPECT_EQ(usual_queue(1'000'000'000, milliseconds(0)), 256u * 1024);
}

}  // namespace
}  // namespace sluice::bench::link_options_test
