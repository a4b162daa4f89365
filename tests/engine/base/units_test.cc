#include "engine/base/units.h"

#include <gtest/gtest.h>

namespace sluice::units_test {
namespace {

std::uint64_t size_of(std::string_view text) {
  const auto size = parse_size(text);
  EXPECT_TRUE(size) << text;
  return size.value_or(0);
}

TEST(Units, ParsesEverySizeUnit) {
  EXPECT_EQ(size_of("0"), 0U);
  EXPECT_EQ(size_of("4096"), 4096U);
  EXPECT_EQ(size_of("17B"), 17U);
  EXPECT_EQ(size_of("1K"), 1024U);
  EXPECT_EQ(size_of("64M"), 64U << 20);
  EXPECT_EQ(size_of("64MiB"), 64U << 20);
  EXPECT_EQ(size_of("64 mib"), 64U << 20);
  EXPECT_EQ(size_of("1.5GiB"), 3ULL << 29);
  EXPECT_EQ(size_of("2T"), 2199023255552U);
  EXPECT_EQ(size_of("1kb"), 1000U);
  EXPECT_EQ(size_of("2.5MB"), 2500000U);
  EXPECT_EQ(size_of("1GB"), 1000000000U);
  EXPECT_EQ(size_of("1TB"), 1000000000000U);
}

TEST(Units, ParsesWholeNumbersExactlyBeyondDoublePrecision) {
  EXPECT_EQ(size_of("9007199254740993"), 9007199254740993U);
  EXPECT_EQ(size_of("9223372036854775807"), 9223372036854775807U);
}

TEST(Units, RejectsInvalidSizes) {
  for (const char* text :
       {"", "M", "-1", "+1", "1.2.3", "64X", "64 M B", "0x10", "nan", "inf", "1e3", ".5M", "1.5",
        "9223372036854775808", "16777216T", "99999999999999999999", " 1"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().kind, ErrorKind::usage);
    EXPECT_NE(size.error().message.find("'" + std::string(text) + "'"), std::string::npos)
        << size.error().message;
  }
}

TEST(Units, ErrorsQuoteInputPrintableAndShortened) {
  const std::string text = "\033[2J\xFF" + std::string(5000, 'x');
  for (const auto& refused : {parse_size(text), parse_rate(text)}) {
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("'?[2J?xxx"), std::string::npos);
    EXPECT_LT(refused.error().message.size(), 300U);
  }
}

TEST(Units, ParsesRatesWithOptionalSuffix) {
  EXPECT_EQ(parse_rate("10M").value(), 10U << 20);
  EXPECT_EQ(parse_rate("10MB/s").value(), 10000000U);
  EXPECT_EQ(parse_rate("10MBps").value(), 10000000U);
  EXPECT_FALSE(parse_rate("/s"));
}

TEST(Units, FormatsSizes) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1.00 KiB");
  EXPECT_EQ(format_size(4U << 20), "4.00 MiB");
  EXPECT_EQ(format_size((1U << 20) - 1), "1.00 MiB");
  EXPECT_EQ(format_size(2199023255552), "2.00 TiB");
}

TEST(Units, FormatsRates) {
  EXPECT_EQ(format_rate(0), "0 B/s");
  EXPECT_EQ(format_rate(999), "999 B/s");
  EXPECT_EQ(format_rate(1234), "1.23 kB/s");
  EXPECT_EQ(format_rate(99.99e6), "100 MB/s");
  EXPECT_EQ(format_rate(118e6), "118 MB/s");
  EXPECT_EQ(format_rate(12.5e6), "12.5 MB/s");
  EXPECT_EQ(format_rate(-5), "0 B/s");
}

TEST(Units, FormatsDurations) {
  EXPECT_EQ(format_duration(0.44), "0.4 s");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(2 * 3600 + 5 * 60), "2 h 05 min");
  EXPECT_EQ(format_duration(76 * 3600), "3 d 4 h");
  EXPECT_EQ(format_duration(1e300), "forever");
}

}  // namespace
}  // namespace sluice::units_test
