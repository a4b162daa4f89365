#include "tools/sluice/display/progress_text.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tools/sluice/display/text_width.h"

namespace sluice::cli::progress_text_test {
namespace {

using namespace std::chrono_literals;

/// 100.00 MiB of 400.00 MiB sent in 10 s.
ProgressMeter meter() {
  ProgressMeter meter;
  const ProgressMeter::Clock::time_point begin{};
  meter.update(begin, 0);
  meter.update(begin + 10s, std::uint64_t{100} << 20);
  return meter;
}
constexpr Progress quarter{std::uint64_t{400} << 20, std::uint64_t{100} << 20, 0};

TEST(ProgressTextTest, ShowsAmountRateAndTimeLeft) {
  EXPECT_EQ(progress_of_file("scan.h5", quarter, meter()).line(),
            "scan.h5  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left");
  EXPECT_EQ(progress_of_all(3, 17, quarter, meter()).line(),
            "3 of 17 files  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left");
}

TEST(ProgressTextTest, ShowsAmountWithoutRate) {
  EXPECT_EQ(progress_of_file("scan.h5", quarter, {}).line(),
            "scan.h5  25 %  100.00 MiB of 400.00 MiB");
}

TEST(ProgressTextTest, OmitsUselessTimeLeft) {
  ProgressMeter slow;
  const ProgressMeter::Clock::time_point begin{};
  slow.update(begin, 0);
  slow.update(begin + 10s, 1000);  // 100 B/s
  EXPECT_EQ(progress_of_file("a", {1'000'000'000, 100'000'000, 0}, slow).line(),
            "a  10 %  95.37 MiB of 953.67 MiB  100 B/s");
  EXPECT_EQ(progress_of_file("a", {900'000'000, 100'000'000, 0}, slow).left, "92 d 14 h left");
}

TEST(ProgressTextTest, ShowsWaitForServerAfterLastByte) {
  const ProgressText sent = progress_of_file("scan.h5", {7, 7, 0}, {});
  EXPECT_EQ(sent.line(), "scan.h5  waiting for the server");
  EXPECT_EQ(sent.line(20), "scan.h5  100 %");
  EXPECT_EQ(progress_of_file("empty", {}, {}).line(), "empty  waiting for the server");
}

TEST(ProgressTextTest, EscapesNames) {
  EXPECT_EQ(progress_of_file("a\rb", quarter, {}).what.find('\r'), std::string::npos);
}

TEST(ProgressTextTest, ShortensPartsThenOmitsThem) {
  const ProgressText text =
      progress_of_file("measurement-0001.h5", quarter, meter(), Bottleneck::network);
  EXPECT_EQ(text.line(94), text.line());
  EXPECT_EQ(text.line(),
            "measurement-0001.h5  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left  "
            "bottleneck: network");
  EXPECT_EQ(text.line(92),
            "measurem\u2026-0001.h5  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left  "
            "bottleneck: network")
      << "the name is shortened, to 16 columns at most";
  EXPECT_EQ(text.line(87),
            "measurement-0001.h5  25 %  100.00/400.00 MiB  10.5 MB/s  30 s left  bottleneck: "
            "network");
  EXPECT_EQ(text.line(80),
            "measurement-0001.h5  25 %  100.00/400.00 MiB  10.5 MB/s  30 s left  network");
  EXPECT_EQ(text.line(64), "meas\u2026.h5  25 %  100.00/400.00 MiB  10.5 MB/s  30 s left  network");
  EXPECT_EQ(text.line(60), "measurement-0001.h5  25 %  10.5 MB/s  30 s left  network");
  EXPECT_EQ(text.line(45), "meas\u2026.h5  25 %  10.5 MB/s  30 s left  network");
  EXPECT_EQ(text.line(36), "meas\u2026.h5  25 %  10.5 MB/s  30 s left");
  EXPECT_EQ(text.line(30), "measur\u2026001.h5  25 %  30 s left");
  EXPECT_EQ(text.line(20), "measure\u2026001.h5  25 %");
  EXPECT_EQ(text.line(7), "\u2026  25 %");
  EXPECT_EQ(text.line(6), "25 %");
  EXPECT_EQ(text.line(2), "2\u2026");
}

TEST(ProgressTextTest, KeepsDifferentUnitsInShortAmount) {
  EXPECT_EQ(progress_of_file("a", {std::uint64_t{4} << 30, 100 << 20, 0}, {}).short_amount,
            "100.00 MiB/4.00 GiB");
}

TEST(ProgressTextTest, KeepsPercentageFrom20Columns) {
  std::string cjk, accents;
  for (int i = 0; i < 40; ++i) {
    cjk += "\u6570";
    accents += "e\u0301";
  }
  for (const std::string& name :
       {std::string(200, 'n'), cjk, accents, std::string("x"), std::string("\U0001F600.bin")})
    for (std::size_t columns = 20; columns <= 200; ++columns) {
      const std::string line = progress_of_file(name, quarter, meter()).line(columns);
      EXPECT_LE(text_width(line), columns) << line;
      EXPECT_NE(line.find("25 %"), std::string::npos) << line;
      EXPECT_FALSE(line.starts_with(' ')) << line;
    }
}

}  // namespace
}  // namespace sluice::cli::progress_text_test
