#include "tools/sluice/display/live_area.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/screen.h"

namespace sluice::cli::live_area_test {
namespace {

using test::Screen;
using Lines = LiveArea::Lines;
using Rows = std::vector<std::string>;

const std::string cjk = "\u6570\u636E\u96C6";
const std::string accents = "e\u0301e\u0301e\u0301";

TEST(LiveAreaTest, DrawsInPlace) {
  Screen screen(40);
  screen.write("a message\n");
  LiveArea area(LiveArea::Terminal::rewraps);
  screen.write("\r" + area.draw({"a  10 %", cjk + "  20 %", "total  15 %"}, 40));
  EXPECT_EQ(screen.rows(), (Rows{"a message", "a  10 %", cjk + "  20 %", "total  15 %"}));
  screen.write(area.draw({"a  9 %", accents + "  1 %", "total"}, 40));
  EXPECT_EQ(screen.rows(), (Rows{"a message", "a  9 %", accents + "  1 %", "total"}))
      << "nothing of longer lines is left";
  EXPECT_EQ(screen.unknown(), "");
}

TEST(LiveAreaTest, GrowsAndShrinks) {
  Screen screen(40);
  LiveArea area(LiveArea::Terminal::rewraps);
  screen.write(area.draw({"1", "2"}, 40));
  screen.write(area.draw({"1", "2", "3", "4"}, 40));
  EXPECT_EQ(screen.rows(), (Rows{"1", "2", "3", "4"}));
  screen.write(area.draw({"5", "6"}, 40));
  EXPECT_EQ(screen.rows(), (Rows{"5", "6"}));
  screen.write(area.draw({"7"}, 40));
  EXPECT_EQ(screen.rows(), (Rows{"7"}));
}

TEST(LiveAreaTest, ErasesAllRows) {
  Screen screen(40);
  screen.write("before\r\n");
  LiveArea area(LiveArea::Terminal::rewraps);
  EXPECT_EQ(area.erase(40), "") << "nothing is shown";
  screen.write(area.draw({"1", "2", "3"}, 40));
  screen.write(area.erase(40) + "message\r\n");
  EXPECT_EQ(screen.rows(), (Rows{"before", "message"}));
  EXPECT_FALSE(area.is_shown());
  screen.write(area.draw({"1", "2"}, 40));
  EXPECT_EQ(screen.rows(), (Rows{"before", "message", "1", "2"}));
}

TEST(LiveAreaTest, DrawsAtTheBottomOfTheScreen) {
  Screen screen(40, 5);
  LiveArea area(LiveArea::Terminal::rewraps);
  for (const char* const message : {"a", "b", "c", "d", "e", "f", "g"}) {
    screen.write(area.erase(40) + message + "\r\n");
    screen.write(area.draw({"1", "2", "3"}, 40));
  }
  EXPECT_EQ(screen.rows(), (Rows{"a", "b", "c", "d", "e", "f", "g", "1", "2", "3"}));
}

/// tmux copies a screen into its history when all of it is cleared.
TEST(LiveAreaTest, LeavesNoCopyInHistory) {
  Screen screen(80, 5);
  LiveArea area(LiveArea::Terminal::rewraps);
  screen.write(area.draw({"1", "2", "3"}, 80));
  screen.resize(40, 5);
  screen.write(area.draw({"4", "5", "6"}, 40));
  EXPECT_EQ(screen.rows(), (Rows{"4", "5", "6"}));
  screen.write(area.draw({"7"}, 40));
  EXPECT_EQ(screen.rows(), Rows{"7"});
  screen.write(area.erase(40));
  EXPECT_EQ(screen.rows(), Rows{});
}

/// If every line was narrower than the terminal when it was drawn.
TEST(LiveAreaTest, LeavesNothingAfterResize) {
  for (const auto on_resize : {Screen::OnResize::rewrap, Screen::OnResize::cut})
    for (const std::size_t before : {200U, 80U, 61U, 40U})
      for (const std::size_t after : {200U, 80U, 41U, 40U, 23U}) {
        Screen screen(before, 100, on_resize);
        LiveArea area(on_resize == Screen::OnResize::rewrap ? LiveArea::Terminal::rewraps
                                                            : LiveArea::Terminal::cuts);
        const auto line = [](std::size_t columns, const std::string& filling) {
          std::string text;
          while (test::columns_of(text + filling) < columns) text += filling;
          return text;
        };
        const auto lines = [&](std::size_t columns) {
          return Lines{line(columns, cjk), line(columns / 2, "x"), line(columns, accents),
                       line(columns, "y" + cjk)};
        };
        screen.write("first\r\nsecond\r\n" + area.draw(lines(before), before));
        screen.resize(after, 100);
        screen.write(area.draw(lines(after), after));
        Rows expected = lines(after);
        expected.insert(expected.begin(), {"first", "second"});
        EXPECT_EQ(screen.rows(), expected) << before << " to " << after;
        screen.resize(before, 100);
        screen.write(area.erase(before) + "last\r\n");
        EXPECT_EQ(screen.rows(), (Rows{"first", "second", "last"})) << after << " to " << before;
      }
}

TEST(LiveAreaTest, ReplacesTypedText) {
  Screen screen(40);
  screen.write("typed something");
  LiveArea area(LiveArea::Terminal::rewraps);
  screen.write(area.draw({"a  10 %"}, 40));
  EXPECT_EQ(screen.rows(), Rows{"a  10 %"});
}

TEST(LiveAreaTest, ShowsLastLineWithoutSequences) {
  Screen screen(40);
  LiveArea area(LiveArea::Terminal::no_sequences);
  std::string written = area.draw({"a", cjk + "  10 %"}, 40);
  screen.write(written);
  EXPECT_EQ(screen.rows(), Rows{cjk + "  10 %"});
  written += area.draw({"b", "9 %"}, 40);
  written += area.erase(40);
  EXPECT_EQ(written, "\r" + cjk + "  10 %\r            \r9 %\r   \r");
}

TEST(LiveAreaTest, LeavesForgottenArea) {
  Screen screen(40);
  LiveArea area(LiveArea::Terminal::rewraps);
  screen.write(area.draw({"1", "2"}, 40));
  area.forget();
  EXPECT_EQ(area.erase(40), "");
  screen.write("\r\nshell\r\n" + area.draw({"3", "4"}, 40));
  EXPECT_EQ(screen.rows(), (Rows{"1", "2", "shell", "3", "4"}));
}

TEST(LiveAreaTest, ReadsTerminalKindFromEnvironment) {
  using Terminal = LiveArea::Terminal;
  EXPECT_EQ(terminal_kind("xterm-256color", "", ""), Terminal::rewraps);
  EXPECT_EQ(terminal_kind("xterm-256color", "", "XTerm(379)"), Terminal::cuts);
  EXPECT_EQ(terminal_kind("tmux-256color", "", "XTerm(379)"), Terminal::rewraps)
      << "tmux in an xterm";
  EXPECT_EQ(terminal_kind("screen", "", "XTerm(379)"), Terminal::rewraps) << "tmux too";
  EXPECT_EQ(terminal_kind("screen.xterm", "", ""), Terminal::cuts);
  EXPECT_EQ(terminal_kind("linux", "", ""), Terminal::cuts);
  EXPECT_EQ(terminal_kind("dumb", "", ""), Terminal::no_sequences);
  EXPECT_EQ(terminal_kind("", "", ""), Terminal::no_sequences);
  EXPECT_EQ(terminal_kind("xterm", "1", ""), Terminal::no_sequences);
}

}  // namespace
}  // namespace sluice::cli::live_area_test
