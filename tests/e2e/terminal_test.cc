// What a person sees while it runs.
#include <fcntl.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "io/unique_fd.h"
#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e {
namespace {

using test::Fault;
using test::Phase;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;

/// A terminal of 60 columns. Its other side is for a program, by path.
class Terminal {
 public:
  Terminal() {
    int master = -1, slave = -1;
    std::array<char, 256> path{};
    winsize size{};
    size.ws_col = 60;
    size.ws_row = 24;
    EXPECT_EQ(::openpty(&master, &slave, path.data(), nullptr, &size), 0);
    master_ = UniqueFd(master);
    slave_ = UniqueFd(slave);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    ::fcntl(slave, F_SETFD, FD_CLOEXEC);
    path_ = path.data();
  }

  const std::string& path() const { return path_; }

  /// Reads until this has been written; false at the end.
  bool read_until(const std::string& text) {
    while (written_.find(text) == std::string::npos)
      if (!read_some()) return false;
    return true;
  }
  /// Everything, once the program is over.
  std::string read_all() {
    slave_.reset();  // the last one but the program's
    while (read_some()) {
    }
    return written_;
  }

  /// What stands on the screen after that text, as far as "\r", "\n" and "\033[K" go.
  static std::string screen(const std::string& text) {
    std::string done, line;
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\r') {
        column = 0;
      } else if (text[at] == '\n') {
        done += line + '\n';
        line.clear();
        column = 0;
      } else if (text.compare(at, 3, "\033[K") == 0) {
        line.resize(column);
        at += 2;
      } else {
        line.resize(std::max(line.size(), column + 1), ' ');
        line[column++] = text[at];
      }
    }
    return done + line;
  }

 private:
  bool read_some() {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(master_.get(), buffer.data(), buffer.size());
    if (got <= 0) return got < 0 && errno == EINTR;
    written_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  UniqueFd master_, slave_;
  std::string path_;
  std::string written_;
};

class OnATerminal : public testing::Test {
 protected:
  OnATerminal() { test::write_file(path_, test::random_bytes(100'000, 1)); }

  /// Of four chunks, the second one is not confirmed until release().
  ScriptedServer server_{{{.phase = Phase::transfer, .occurrence = 1, .then = Fault::Then::hold}}};
  test::TempDir directory_;
  const std::string path_ =
      directory_ / "a-rather-long-name-that-does-not-fit-into-the-width-of-the-terminal.h5";
  const std::string short_path_ = directory_ / "short";
  Terminal terminal_;
};

TEST_F(OnATerminal, ALineShowsHowFarItIsAndGoesAway) {
  std::filesystem::rename(path_, short_path_);
  test::Process process(redirected(
      put_options(server_.url(), {"--chunk", "25000", "--lookahead", "0", dataset, short_path_}),
      "2>" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("50 %"));
  server_.release();
  EXPECT_EQ(process.wait(), 0);
  const std::string written = terminal_.read_all();
  EXPECT_THAT(written, HasSubstr("48.83 KiB of 97.66 KiB"));
  EXPECT_EQ(Terminal::screen(written), "");
  EXPECT_THAT(process.out(), HasSubstr("is registered"));
}

TEST_F(OnATerminal, ALineThatIsTooLongIsCutAndNotWrapped) {
  test::Process process(redirected(
      put_options(server_.url(), {"--chunk", "25000", "--lookahead", "0", dataset, path_}),
      "2>" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("a-rather-long"));
  server_.release();
  EXPECT_EQ(process.wait(), 0);
  const std::string written = terminal_.read_all();
  EXPECT_EQ(Terminal::screen(written), "");
  for (std::size_t at = 0; at < written.size();) {
    const std::size_t end = written.find('\r', at);
    EXPECT_LE(std::min(end, written.size()) - at, 59 + std::string("\033[K").size());
    if (end == std::string::npos) break;
    at = end + 1;
  }
}

TEST_F(OnATerminal, AnErrorStandsAloneOnItsLine) {
  std::filesystem::rename(path_, short_path_);
  test::Process process(redirected(
      put_options(server_.url(), {"--chunk", "25000", "--lookahead", "0", dataset, short_path_}),
      "2>" + terminal_.path()));
  EXPECT_TRUE(terminal_.read_until("50 %"));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(), 130);
  const std::string screen = Terminal::screen(terminal_.read_all());
  EXPECT_TRUE(screen.starts_with("sluice: the upload of ")) << screen;
  EXPECT_TRUE(screen.ends_with("goes on from there\n")) << screen;
  EXPECT_EQ(std::count(screen.begin(), screen.end(), '\n'), 1) << screen;
}

TEST_F(OnATerminal, NoLineWithNeverOrQuiet) {
  server_.set_faults({});
  for (const Arguments& silence : {Arguments{"--progress", "never"}, Arguments{"--quiet"}}) {
    Arguments arguments = silence;
    arguments.insert(arguments.end(), {"--limit-rate", "200K", "--name", silence[0], dataset,
                                       path_});  // long enough for a tick
    test::Process process(
        redirected(put_options(server_.url(), arguments), "2>" + terminal_.path()));
    EXPECT_EQ(process.wait(), 0);
  }
  EXPECT_EQ(terminal_.read_all(), "");
}

TEST_F(OnATerminal, AlwaysDrawsTheLineIntoAPipeToo) {
  const std::string report = directory_ / "report";
  server_.set_faults({});
  // The rate makes it last longer than the time between two drawings.
  test::Process process(redirected(
      put_options(server_.url(),
                  {"--json", "--progress", "always", "--limit-rate", "200K", dataset, path_}),
      "2>&1 >" + report));
  EXPECT_EQ(process.wait(), 0);
  EXPECT_TRUE(report_of({0, test::read_file(report), "", 0}).is_object());
  EXPECT_THAT(process.out(), HasSubstr("\r\033[K"));
}

TEST_F(OnATerminal, IntoAPipeGoesAPlainLineNowAndThen) {
  test::Process process(redirected(
      put_options(server_.url(), {"--chunk", "25000", "--lookahead", "0", dataset, path_}),
      "2>&1"));
  const std::string line = process.wait_for_line(" %");  // the first one comes after 10 s
  EXPECT_THAT(line, HasSubstr("50 %"));
  server_.release();
  EXPECT_EQ(process.wait(), 0);
  EXPECT_THAT(process.out(), Not(HasSubstr("\r")));
  EXPECT_THAT(process.out(), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace sluice::e2e
