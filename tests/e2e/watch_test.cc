// sluice status --watch
#include <chrono>
#include <csignal>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/journal/journal.h"
#include "tests/e2e/e2e.h"
#include "tests/e2e/terminal.h"

namespace sluice::e2e::watch_test {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class StatusWatch : public testing::Test {
 protected:
  StatusWatch() { add("first-\u6570\u636E.h5"); }

  /// Adds an unfinished upload.
  void add(const std::string& name) const {
    auto journal = Journal::open(state_.path());
    ASSERT_TRUE(journal) << journal.error().message;
    JournalEntry entry;
    entry.system = "http://127.0.0.1:1";
    entry.dataset = dataset;
    entry.name = name;
    entry.path = "/data/" + name;
    entry.file.size = 1000;
    entry.block_bytes = 4096;
    entry.protocol = "tus";
    ASSERT_TRUE((*journal)->begin(entry));
  }
  test::Process::Options watch(const Arguments& more, const std::string& term = "xterm") const {
    test::Process::Options options;
    options.argv = {sluice_binary, "status",      "--watch",    "--interval",
                    "1s",          "--state-dir", state_.path()};
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    options.env = {{"TERM", term}};
    return options;
  }

  test::TempDir state_;
  Terminal terminal_;
};

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

TEST_F(StatusWatch, RefreshesTheListInPlaceAtAnyWidthUntilCtrlC) {
  terminal_.resize(80);
  test::Process process(redirected(watch({}), ">" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("first-"));
  add("second.h5");
  for (const unsigned short columns : std::initializer_list<unsigned short>{80, 40, 200}) {
    EXPECT_TRUE(terminal_.resize_until(
        columns,
        [&] {
          const std::string text = terminal_.screen().text();
          // Both entries once, in whole lines if they fit, and nothing of earlier lists.
          return count(text, "every 1 s") == 1 && count(text, "/data/first-") == 1 &&
                 count(text, "/data/second.h5") == 1 && text.find("20") == 0 &&
                 (columns == 200) ==
                     (text.find("sluice forget --state-dir " + state_.path().string() + " " +
                                dataset + " second.h5\n") != std::string::npos);
        }))
        << columns << ":\n"
        << terminal_.screen().text();
  }
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(30s), 130);
  terminal_.read_all();
  EXPECT_EQ(count(terminal_.screen().text(), "/data/second.h5"), 1U) << "the last list stays";
  EXPECT_EQ(terminal_.screen().unknown(), "");
}

TEST_F(StatusWatch, CountsTheLinesThatDoNotFit) {
  terminal_.resize(80, 5);
  test::Process process(redirected(watch({}), ">" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("and 5 more lines"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(30s), 143);
}

TEST_F(StatusWatch, PrintsListsSequentiallyWithoutTerminal) {
  for (const bool terminal : {false, true}) {
    test::Process process(redirected(watch({}, terminal ? "dumb" : "xterm"),
                                     terminal ? ">" + terminal_.path() : "2>&1"));
    if (terminal) {
      EXPECT_TRUE(
          terminal_.read_while([&] { return count(terminal_.screen().text(), "every 1 s") < 2; }));
      EXPECT_EQ(terminal_.screen().unknown(), "");
    } else {
      EXPECT_TRUE(process.wait_for_out(
          [](const std::string& out) { return count(out, "every 1 s") >= 2; }));
      EXPECT_THAT(process.out(), Not(HasSubstr("\033")));
    }
    process.signal(SIGINT);
    EXPECT_EQ(process.wait(30s), 130);
  }
}

TEST_F(StatusWatch, PrintsJsonObjectPerLine) {
  test::Process process(watch({"--json"}));
  EXPECT_THAT(process.wait_for_line("\"uploads\""), HasSubstr("first-"));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(30s), 130);
  std::istringstream lines(process.out());
  for (std::string line; std::getline(lines, line);)
    EXPECT_EQ(nlohmann::json::parse(line)["uploads"].size(), 1U);
}

TEST_F(StatusWatch, SignalEndsWatchWithBlockedOutput) {
  FullPipe pipe(state_ / "pipe");
  test::Process in_pipe(redirected(watch({}), ">" + pipe.path()));
  terminal_.type("\x13");
  test::Process stopped(redirected(watch({}), ">" + terminal_.path()));
  for (test::Process* const process : {&in_pipe, &stopped}) {
    wait_until_caught(*process, SIGTERM);
    process->signal(SIGTERM);
    EXPECT_EQ(process->wait(30s), 143);
  }
}

TEST_F(StatusWatch, FailsIfPipeIsClosed) {
  const test::Finished finished = test::run(redirected(watch({}), "| true; sleep 0"));
  EXPECT_THAT(finished.err, HasSubstr("cannot write the list to standard output: Broken pipe"));
}

TEST_F(StatusWatch, RejectsInvalidInterval) {
  test::Process::Options options = watch({});
  options.argv[4] = "0";
  const test::Finished finished = test::run(options);
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("--interval must be at least 1 second"));
  options.argv = {sluice_binary, "status", "--interval", "1s"};
  EXPECT_EQ(test::run(options).status, 2);
}

}  // namespace
}  // namespace sluice::e2e::watch_test
