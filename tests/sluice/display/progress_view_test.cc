#include "tools/sluice/display/progress_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/screen.h"

namespace sluice::cli::progress_view_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// 100.00 MiB of 400.00 MiB sent in 10 s.
constexpr Progress part{std::uint64_t{400} << 20, std::uint64_t{100} << 20, 0};
ProgressMeter meter() {
  ProgressMeter meter;
  const ProgressMeter::Clock::time_point begin{};
  meter.update(begin, 0);
  meter.update(begin + 10s, std::uint64_t{100} << 20);
  return meter;
}

ProgressView view(std::vector<std::string> names) {
  ProgressView view;
  for (const std::string& name : names)
    view.transfers.push_back(progress_of_file(name, part, meter()));
  view.total = progress_of_all(3, 10, part, meter(), Bottleneck::network);
  return view;
}

TEST(ProgressViewTest, ShowsLinePerTransferAndTotal) {
  EXPECT_THAT(
      live_lines(view({"a.h5", "longer.h5"}), 100, 24),
      ElementsAre(
          "a.h5       25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left",
          "longer.h5  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left",
          "3 of 10 files  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left  bottleneck: "
          "network"));
}

TEST(ProgressViewTest, AlignsColumns) {
  ProgressView three = view({"a", "b", "c"});
  ProgressMeter slow;
  slow.update({}, 0);
  slow.update(ProgressMeter::Clock::time_point{} + 10s, 1 << 20);
  three.transfers[1] = progress_of_file("b", {std::uint64_t{40} << 20, 1 << 20, 0}, slow);
  three.transfers[2] = progress_of_file("c", {7, 7, 0}, {});
  const auto lines = live_lines(three, 80, 24);
  EXPECT_EQ(lines[0], "a  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left");
  EXPECT_EQ(lines[1], "b   2 %  1.00 MiB of 40.00 MiB     105 kB/s   6 min 30 s left");
  EXPECT_EQ(lines[2], "c  waiting for the server");
}

TEST(ProgressViewTest, SplitsTotalOn80Columns) {
  EXPECT_THAT(live_lines(view({"a.h5"}), 80, 24),
              ElementsAre("a.h5  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left",
                          "3 of 10 files  25 %  100.00 MiB of 400.00 MiB",
                          "10.5 MB/s  30 s left  bottleneck: network"));
}

TEST(ProgressViewTest, FitsInto40Columns) {
  EXPECT_THAT(
      live_lines(view({"a.h5"}), 40, 24),
      ElementsAre("a.h5  25 %  10.5 MB/s  30 s left", "3 of 10 files  25 %  100.00/400.00 MiB",
                  "10.5 MB/s  30 s left  network"));
}

TEST(ProgressViewTest, CountsTransfersBeyondThirdOfHeight) {
  const ProgressView ten = view({"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
  const auto lines = live_lines(ten, 100, 24);
  ASSERT_EQ(lines.size(), 8U);
  EXPECT_THAT(lines[5], StartsWith("5"));
  EXPECT_EQ(lines[6], "and 4 more transfers");
  EXPECT_THAT(lines[7], HasSubstr("3 of 10 files"));
  EXPECT_EQ(live_lines(ten, 100, 33).size(), 11U) << "all of them";
  EXPECT_THAT(live_lines(ten, 100, 30)[8], HasSubstr("and 2 more transfers"));
}

TEST(ProgressViewTest, ShowsTotalOnLowTerminal) {
  const ProgressView ten = view({"0", "1", "2"});
  for (const std::size_t rows : {0U, 1U, 3U, 5U})
    EXPECT_THAT(live_lines(ten, 100, rows), ElementsAre(StartsWith("3 of 10 files"))) << rows;
  EXPECT_THAT(live_lines(ten, 100, 6),
              ElementsAre("and 3 more transfers", StartsWith("3 of 10 files")));
  EXPECT_EQ(live_lines(ten, 40, 3).size(), 1U);
  EXPECT_EQ(live_lines(ten, 40, 6).size(), 2U) << "both are the total's";
}

TEST(ProgressViewTest, ShowsOneLineForOneFile) {
  ProgressView one;
  one.total = progress_of_file("scan.h5", part, meter(), Bottleneck::disk);
  EXPECT_THAT(live_lines(one, 100, 24),
              ElementsAre("scan.h5  25 %  100.00 MiB of 400.00 MiB  10.5 MB/s  30 s left  "
                          "bottleneck: disk"));
  EXPECT_THAT(live_lines(one, 40, 24), ElementsAre("scan.h5  25 %  10.5 MB/s  30 s left"));
}

TEST(ProgressViewTest, FitsAllLinesIntoTerminal) {
  std::string cjk, accents;
  for (int i = 0; i < 40; ++i) {
    cjk += "\u6570";
    accents += "e\u0301";
  }
  ProgressView many = view({cjk, "x", accents, std::string(200, 'n'), "\U0001F600.bin"});
  many.transfers.push_back(progress_of_file(cjk, {7, 7, 0}, {}));
  for (std::size_t columns = 1; columns <= 210; ++columns)
    for (const std::string& line : live_lines(many, columns, 40)) {
      EXPECT_LT(test::columns_of(line), std::max<std::size_t>(columns, 2)) << line;
      if (columns < 20) continue;
      EXPECT_THAT(line, testing::AnyOf(HasSubstr(" %"), HasSubstr("waiting"), HasSubstr("left")))
          << columns;
    }
}

}  // namespace
}  // namespace sluice::cli::progress_view_test
