// The output on terminals and pipes, and the effects of terminals on the program.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "tests/e2e/e2e.h"
#include "tests/e2e/terminal.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::terminal_test {
namespace {

using test::Fault;
using test::Phase;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;

using namespace std::chrono_literals;

std::size_t lines_with(const std::vector<std::string>& lines, const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(lines.begin(), lines.end(),
                    [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

class TerminalOutput : public testing::Test {
 protected:
  TerminalOutput() { test::write_file(path_, test::random_bytes(100'000, 1)); }

  const Environment environment_{{"SLUICE_TOKEN", token}, {"TERM", "xterm"}};
  /// Returns how to run put on a terminal with escape sequences.
  test::Process::Options options(const Arguments& arguments) const {
    return put_options(server_.url(), arguments, environment_);
  }
  /// The same for four chunks.
  test::Process::Options four_chunks(const std::string& path, Arguments more = {}) const {
    return four_chunks(server_, path, std::move(more));
  }
  test::Process::Options four_chunks(const ScriptedServer& server, const std::string& path,
                                     Arguments more = {}) const {
    more.insert(more.end(), {"--chunk", "25000", "--lookahead", "0", dataset, path});
    return put_options(server.url(), more, environment_);
  }
  /// Creates enough small files that their messages fill any buffer.
  Arguments many_files(int count) const {
    Arguments files;
    for (int i = 0; i < count; ++i) {
      files.push_back(directory_ / ("file-" + std::to_string(i) + std::string(100, '-')));
      test::write_file(files.back(), "x");
    }
    return files;
  }

  /// Four chunks, of which the second is not answered until release().
  static std::vector<Fault> second_chunk_held() {
    return {{.phase = Phase::transfer, .occurrence = 1, .then = Fault::Then::hold}};
  }
  ScriptedServer server_{second_chunk_held()};
  test::TempDir directory_;
  const std::string path_ =
      directory_ / "a-rather-long-name-that-does-not-fit-into-the-width-of-the-terminal.h5";
  const std::string short_path_ = directory_ / "short";
  Terminal terminal_;
};

TEST_F(TerminalOutput, ShowsAndRemovesProgressLine) {
  std::filesystem::rename(path_, short_path_);
  test::Process process(redirected(four_chunks(short_path_), "2>" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("50 %"));
  server_.release();
  EXPECT_EQ(process.wait(), 0);
  const std::string written = terminal_.read_all();
  EXPECT_THAT(written, HasSubstr("48.83 KiB of 97.66 KiB"));
  EXPECT_EQ(terminal_.screen().text(), "");
  EXPECT_THAT(process.out(), HasSubstr("is registered"));
}

TEST_F(TerminalOutput, ShortensLongLine) {
  test::Process process(redirected(four_chunks(path_), "2>" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("a-ra"));
  server_.release();
  EXPECT_EQ(process.wait(), 0);
  terminal_.read_all();
  EXPECT_EQ(terminal_.screen().text(), "");
  EXPECT_EQ(terminal_.screen().wraps(), 0U);
}

TEST_F(TerminalOutput, PrintsErrorOnOwnLine) {
  std::filesystem::rename(path_, short_path_);
  test::Process process(redirected(four_chunks(short_path_), "2>" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("50 %"));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(), 130);
  terminal_.read_all();
  std::string screen;
  for (const std::string& row : terminal_.screen().rows()) screen += row;
  EXPECT_TRUE(screen.starts_with("sluice: the upload of ")) << screen;
  EXPECT_TRUE(screen.ends_with(fmt::format("sluice resume {}", dataset))) << screen;
  EXPECT_THAT(screen, Not(HasSubstr("50 %")));
}

TEST_F(TerminalOutput, ShowsNoLineWithNeverOrQuiet) {
  server_.set_faults({});
  for (const Arguments& silence : {Arguments{"--progress", "never"}, Arguments{"--quiet"}}) {
    Arguments arguments = silence;
    arguments.insert(arguments.end(), {"--limit-rate", "200K", "--name", silence[0], dataset,
                                       path_});  // long enough for an update of the line
    test::Process process(redirected(options(arguments), "2>" + terminal_.path()));
    EXPECT_EQ(process.wait(), 0);
  }
  EXPECT_EQ(terminal_.read_all(), "");
}

TEST_F(TerminalOutput, ProgressAlwaysDrawsIntoPipe) {
  const std::string report = directory_ / "report";
  test::Process process(
      redirected(four_chunks(path_, {"--json", "--progress", "always"}), "2>&1 >" + report));
  EXPECT_TRUE(process.wait_for_out(
      [](const std::string& out) { return out.find("50 %") != std::string::npos; }));
  server_.release();
  EXPECT_EQ(process.wait(), 0);
  EXPECT_TRUE(report_of({0, test::read_file(report), "", 0}).is_object());
  EXPECT_THAT(process.out(), HasSubstr("\033[K\r")) << "the line goes away";
}

TEST_F(TerminalOutput, PrintsPlainLinesIntoPipe) {
  test::Process process(redirected(four_chunks(path_), "2>&1"));
  const std::string line = process.wait_for_line(" %");  // the first line comes after 10 s
  EXPECT_THAT(line, HasSubstr("50 %"));
  server_.release();
  EXPECT_EQ(process.wait(), 0);
  EXPECT_THAT(process.out(), Not(HasSubstr("\r")));
  EXPECT_THAT(process.out(), Not(HasSubstr("\033")));
}

TEST_F(TerminalOutput, BeginsLogLinesWithTime) {
  server_.set_faults({});
  const auto log_of = [&](const std::string& zone) {
    test::Process::Options utc = options({"--verbose", "--name", zone, dataset, path_});
    utc.env["TZ"] = zone;
    return run_sluice(utc).err;
  };
  const std::string line = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}";
  EXPECT_THAT(log_of("UTC0"), testing::MatchesRegex("(" + line + "[+]00:00 sluice: [^\n]*\n)+"));
  EXPECT_THAT(log_of("IST-5:30"),
              testing::MatchesRegex("(" + line + "[+]05:30 sluice: [^\n]*\n)+"));
}

/// Neither supports escape sequences.
TEST_F(TerminalOutput, UsesNoEscapeSequencesWithDumbOrNoColor) {
  server_.set_faults({});
  const std::map<std::string, Environment> cases{
      {"dumb", {{"TERM", "dumb"}}},
      {"none", {}},
      {"no-color", {{"TERM", "xterm"}, {"NO_COLOR", "1"}}}};
  for (const auto& [name, environment] : cases) {
    test::Process::Options plain =
        options({"--limit-rate", "200K", "--name", name, dataset, path_});  // long enough for some
                                                                            // updates
    plain.env.erase("TERM");
    plain.env.insert(environment.begin(), environment.end());
    EXPECT_EQ(test::Process(redirected(plain, "2>&1 >" + terminal_.path())).wait(), 0);
  }
  const std::string written = terminal_.read_all();
  EXPECT_THAT(written, HasSubstr("is registered"));
  EXPECT_THAT(written, Not(HasSubstr("\033")));
  for (std::size_t at = written.find('\r'); at != std::string::npos;
       at = written.find('\r', at + 1))
    EXPECT_EQ(written[at + 1], '\n') << "only what the terminal itself makes of a newline";
}

TEST_F(TerminalOutput, IgnoresEmptyNoColor) {
  test::Process::Options colored = four_chunks(path_);
  colored.env["NO_COLOR"] = "";
  test::Process process(redirected(colored, "2>" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("\ra-ra"));
  server_.release();
  EXPECT_EQ(process.wait(), 0);
}

TEST_F(TerminalOutput, AdaptsLineToTerminalWidth) {
  std::string cjk, accents;
  for (int i = 0; i < 40; ++i) cjk += "\u6570";
  for (int i = 0; i < 60; ++i) accents += "e\u0301";
  for (const std::string& name : {std::string(200, 'n'), cjk, accents}) {
    ScriptedServer server(second_chunk_held());
    const std::filesystem::path path = directory_ / name;
    std::filesystem::copy_file(path_, path);
    terminal_.resize(80);
    test::Process process(redirected(four_chunks(server, path), "2>" + terminal_.path()));
    for (const unsigned short columns : std::initializer_list<unsigned short>{80, 40, 20, 200}) {
      // The line is shown once, below all messages, and uses the full width.
      EXPECT_TRUE(terminal_.resize_until(
          columns,
          [&] {
            const std::vector<std::string> rows = terminal_.screen().rows();
            if (lines_with(rows, "50 %") != 1 || rows.back().find("50 %") == std::string::npos)
              return false;
            const std::size_t used = test::columns_of(rows.back());
            return used < columns && used + 6 >= std::min<std::size_t>(columns, 80);
          }))
          << columns << ": " << terminal_.screen().text();
    }
    server.release();
    EXPECT_EQ(process.wait(), 0);
    EXPECT_TRUE(
        terminal_.read_while([&] { return lines_with(terminal_.screen().rows(), "50 %") > 0; }));
  }
}

/// Ctrl-S: the terminal accepts no output until Ctrl-Q.
TEST_F(TerminalOutput, SuspendedTerminalDoesNotStopTransfer) {
  server_.set_faults({});
  Arguments arguments = many_files(40);
  arguments.insert(arguments.begin(), {"--verbose", dataset});
  terminal_.type("\x13");
  test::Process process(
      redirected(options(arguments), ">" + terminal_.path() + " 2>" + terminal_.path()));
  EXPECT_TRUE(server_.wait_for(Phase::verify, 40));
  terminal_.type("\x11");
  EXPECT_TRUE(terminal_.read_until("40 registered"));
  EXPECT_EQ(process.wait(60s), 0);
  const std::string written = terminal_.read_all();
  for (int i = 0; i < 40; ++i)
    EXPECT_THAT(written, HasSubstr("as 'file-" + std::to_string(i) + "-"));
  EXPECT_THAT(written, Not(HasSubstr("dropped"))) << "what is said fits into memory";
}

TEST_F(TerminalOutput, SignalEndsProcessOnSuspendedTerminal) {
  server_.set_faults({});
  terminal_.type("\x13");
  test::Process process(
      redirected(options({dataset, path_}), ">" + terminal_.path() + " 2>" + terminal_.path()));
  EXPECT_TRUE(server_.wait_for(Phase::verify));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(30s), 143);
}

TEST_F(TerminalOutput, FullPipeDoesNotStopTransfer) {
  server_.set_faults({});
  FullPipe err(directory_ / "err");
  Arguments arguments = many_files(60);
  arguments.insert(arguments.begin(), {"--verbose", dataset});
  test::Process process(redirected(options(arguments), "2>" + err.path()));
  EXPECT_EQ(process.wait(60s), 0) << "discards unread output after 2 s";
  EXPECT_THAT(process.out(), HasSubstr("60 registered"));
  EXPECT_EQ(server_.count(Phase::verify), 60);
}

TEST_F(TerminalOutput, ReportsSignalIfMessagesAreNotRead) {
  FullPipe err(directory_ / "err");
  test::Process process(redirected(four_chunks(path_, {"--json", "--verbose"}), "2>" + err.path()));
  EXPECT_TRUE(server_.wait_for(Phase::transfer, 2));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(30s), 143);
  const auto report = report_of({143, process.out(), "", 0});
  EXPECT_EQ(report["uploads"][0]["status"], "interrupted");
}

TEST_F(TerminalOutput, SignalEndsWaitForReportReader) {
  server_.set_faults({});
  FullPipe out(directory_ / "out");
  test::Process process(redirected(options({"--json", dataset, path_}), "2>&1 >" + out.path()));
  EXPECT_TRUE(server_.wait_for(Phase::verify));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(30s), 143);
}

TEST_F(TerminalOutput, WritesCompleteReportToSlowReader) {
  server_.set_faults({});
  FullPipe out(directory_ / "out");
  test::Process process(redirected(options({"--json", dataset, path_}), "2>&1 >" + out.path()));
  EXPECT_TRUE(server_.wait_for(Phase::verify));
  std::string read = out.read_all();  // frees space
  EXPECT_EQ(process.wait(60s), 0);
  read += out.read_all();
  read.erase(0, read.find_last_of('#') + 1);
  EXPECT_EQ(report_of({0, read, "", 0})["uploads"][0]["status"], "registered");
}

/// Like `sluice put ... &` in a shell after `stty tostop`.
TEST_F(TerminalOutput, BackgroundJobIsNotStoppedAndDrawsNothing) {
  server_.set_faults({});
  terminal_.stop_background_writers();
  test::Process::Options job = options({"--verbose", "--limit-rate", "200K", dataset, path_});
  job.argv.insert(job.argv.begin(), {"/usr/bin/setsid", "--ctty", "--wait", "/bin/sh", "-c",
                                     "set -m; \"$0\" \"$@\" & wait $!"});
  const std::string tty = terminal_.path();
  test::Process process(redirected(job, "<" + tty + " >" + tty + " 2>" + tty));
  EXPECT_TRUE(terminal_.read_until("is registered"));
  EXPECT_EQ(process.wait(60s), 0);
  EXPECT_THAT(terminal_.read_all(), Not(HasSubstr("\033")));
}

TEST_F(TerminalOutput, ClosedTerminalDoesNotStopTransfer) {
  const std::string report = directory_ / "report";
  test::Process process(redirected(four_chunks(path_, {"--json", "--verbose"}),
                                   "2>" + terminal_.path() + " >" + report));
  EXPECT_TRUE(terminal_.read_until("50 %"));
  terminal_.hang_up();
  process.signal(SIGHUP);
  server_.release();
  EXPECT_EQ(process.wait(60s), 0);
  EXPECT_EQ(report_of({0, test::read_file(report), "", 0})["uploads"][0]["status"], "registered");
}

TEST_F(TerminalOutput, EachStopSignalEndsProcessWithReport) {
  for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM}) {
    ScriptedServer server(second_chunk_held());
    test::Process process(four_chunks(server, path_, {"--json"}));
    EXPECT_TRUE(server.wait_for(Phase::transfer, 2));
    process.signal(number);
    EXPECT_EQ(process.wait(30s), 128 + number);
    const auto report = report_of({128 + number, process.out(), "", 0});
    EXPECT_EQ(report["uploads"][0]["status"], "interrupted") << number;
    EXPECT_EQ(report["uploads"][0]["resumable"], true) << number;
  }
}

TEST_F(TerminalOutput, IgnoredSignalStaysIgnored) {
  for (const char* name : {"INT", "TERM", "USR1"}) {
    ScriptedServer server(second_chunk_held());
    test::Process::Options ignoring = four_chunks(server, path_);
    ignoring.argv.insert(
        ignoring.argv.begin(),
        {"/bin/sh", "-c", std::string("trap '' ") + name + "; exec \"$0\" \"$@\""});
    test::Process process(ignoring);
    EXPECT_TRUE(server.wait_for(Phase::transfer, 2));
    process.signal(name == std::string("INT")    ? SIGINT
                   : name == std::string("TERM") ? SIGTERM
                                                 : SIGUSR1);
    server.release();
    EXPECT_EQ(process.wait(60s), 0) << name;
  }
}

}  // namespace
}  // namespace sluice::e2e::terminal_test
