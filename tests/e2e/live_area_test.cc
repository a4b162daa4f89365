// Several concurrent transfers on a terminal.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "tests/e2e/e2e.h"
#include "tests/e2e/terminal.h"

namespace sluice::e2e::live_area_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

/// Uploads that run until they are stopped: 100 KiB/s, and files of 1 GiB.
class ParallelTransfersOnTerminal : public testing::Test {
 protected:
  ParallelTransfersOnTerminal() {
    for (int i = 0; i < 30; ++i) {
      cjk_ += "\u6570";
      accents_ += "e\u0301";
    }
    for (const std::string& name : {cjk_, accents_, std::string(120, 'n')}) long_file(name);
  }

  void long_file(const std::string& name) const {
    test::write_file(directory_ / name, "");
    std::filesystem::resize_file(directory_ / name, 1 << 30);
  }

  /// Returns how to run put with these files; `more`: options.
  test::Process::Options options(const Arguments& more, const std::vector<std::string>& names,
                                 const std::string& redirection) const {
    Arguments arguments{"--lanes", "0", "--limit-rate", "100K", dataset};
    arguments.insert(arguments.begin(), more.begin(), more.end());
    for (const std::string& name : names) arguments.push_back(directory_ / name);
    return redirected(
        put_options(bank_.url(), arguments, {{"SLUICE_TOKEN", token}, {"TERM", "xterm"}}),
        redirection);
  }

  std::size_t lines_with(const std::string& text) const {
    const std::vector<std::string> rows = terminal_.screen().rows();
    return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [&](const auto& row) {
      return row.find(text) != std::string::npos;
    }));
  }

  Bank bank_{{"--protocols", "tus"}};
  test::TempDir directory_;
  std::string cjk_, accents_;
  Terminal terminal_;
};

/// Returns the lines that show progress.
std::vector<std::string> live(const test::Screen& screen) {
  std::vector<std::string> lines;
  for (const std::string& row : screen.rows())
    if (row.find(" %") != std::string::npos || row.find(" left") != std::string::npos)
      lines.push_back(row);
  return lines;
}

TEST_F(ParallelTransfersOnTerminal, ShowsLineForEachBelowMessagesAtAnyWidth) {
  // Its result is printed while the others continue.
  test::write_file(directory_ / "small", "x");
  terminal_.resize(80);
  test::Process process(options({"--verbose"}, {"small", cjk_, accents_, std::string(120, 'n')},
                                ">" + terminal_.path() + " 2>" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("small is registered"));
  for (const unsigned short columns : std::initializer_list<unsigned short>{80, 40, 200, 40, 80}) {
    const auto complete = [&] {
      const std::vector<std::string> rows = terminal_.screen().rows();
      const std::vector<std::string> lines = live(terminal_.screen());
      // Three transfers and the total, and nothing below.
      const std::size_t total = columns == 200 ? 1 : 2;
      if (lines.size() != 3 + total || rows.size() < lines.size() ||
          !std::equal(lines.rbegin(), lines.rend(), rows.rbegin()))
        return false;
      const std::string& last = lines.back();
      const std::size_t widest = test::columns_of(*std::max_element(
          lines.begin(), lines.end(),
          [](const auto& a, const auto& b) { return test::columns_of(a) < test::columns_of(b); }));
      return lines[3].starts_with("1 of 4 files") && last.find("B/s") != std::string::npos &&
             last.find(" left") != std::string::npos && last.find("network") != std::string::npos &&
             widest < columns && widest + 20 > std::min<std::size_t>(columns, 120);
    };
    EXPECT_TRUE(terminal_.resize_until(columns, complete)) << columns << ":\n"
                                                           << terminal_.screen().text();
  }
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(30s), 130);
  terminal_.read_all();
  EXPECT_THAT(live(terminal_.screen()), ElementsAre());
  EXPECT_EQ(terminal_.screen().unknown(), "");
  std::string text;
  for (const std::string& row : terminal_.screen().rows()) text += row;
  EXPECT_THAT(text, HasSubstr("1 registered, 3 interrupted"));
}

TEST_F(ParallelTransfersOnTerminal, CountsTransfersThatDoNotFit) {
  terminal_.resize(80, 9);  // a third of the rows is 3
  test::Process process(
      options({}, {cjk_, accents_, std::string(120, 'n')}, "2>" + terminal_.path()));
  // The total has two lines when its rate is known.
  EXPECT_TRUE(terminal_.read_while([&] {
    return lines_with("and 3 more transfers") != 1 || live(terminal_.screen()).size() != 2;
  })) << terminal_.screen().text();
  terminal_.resize(80, 30);
  EXPECT_TRUE(terminal_.read_while([&] {
    return live(terminal_.screen()).size() != 5 || lines_with("more transfers") > 0;
  })) << terminal_.screen().text();
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(30s), 143);
}

/// Meanwhile the shell uses the terminal.
TEST_F(ParallelTransfersOnTerminal, RedrawsLinesAfterSuspension) {
  terminal_.resize(80);
  test::Process process(options({}, {cjk_, accents_}, "2>" + terminal_.path()));
  // Four lines, when the total's rate is known.
  EXPECT_TRUE(terminal_.read_while([&] { return live(terminal_.screen()).size() != 4; }));
  process.stop();
  terminal_.write("\r\n[1]+  Stopped\r\n$ fg\r\n");
  EXPECT_TRUE(terminal_.read_until("fg"));
  process.signal(SIGCONT);
  EXPECT_TRUE(terminal_.read_while([&] { return lines_with("0 of 2 files") != 2; }))
      << terminal_.screen().text();
  EXPECT_THAT(terminal_.screen().text(), HasSubstr("[1]+  Stopped\n$ fg\n"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(30s), 143);
}

TEST_F(ParallelTransfersOnTerminal, PrintsTotalInLogAtEachInterval) {
  test::Process process(
      options({"--progress-interval", "1s"}, {cjk_, accents_}, "2>&1 >/dev/null"));
  const std::string line = process.wait_for_line(" of 2.00 GiB");
  EXPECT_THAT(line,
              testing::MatchesRegex("[0-9]{4}-.*T.*[+-][0-9]{2}:[0-9]{2} 0 of 2 files  [0-9]+ %  "
                                    ".* of 2.00 GiB.*"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(30s), 143);
  EXPECT_THAT(process.out(), Not(HasSubstr("\033")));
}

TEST_F(ParallelTransfersOnTerminal, RejectsIntervalBelowOneSecond) {
  for (const char* const interval : {"0", "500ms", "soon"}) {
    const test::Finished finished =
        put(bank_.url(), {"--progress-interval", interval, dataset, directory_ / cjk_});
    EXPECT_EQ(finished.status, 2) << interval;
    EXPECT_THAT(finished.err, HasSubstr("--progress-interval"));
  }
}

}  // namespace
}  // namespace sluice::e2e::live_area_test
