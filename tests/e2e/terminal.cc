#include "tests/e2e/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace sluice::e2e {

using namespace std::chrono_literals;

Terminal::Terminal() {
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

void Terminal::resize(unsigned short columns, unsigned short rows) {
  winsize size{};
  size.ws_col = columns;
  size.ws_row = rows;
  EXPECT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  screen_.resize(columns, rows);
  columns_ = columns;
}

bool Terminal::resize_until(unsigned short columns, const std::function<bool()>& complete) {
  const unsigned short before = columns_;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const std::size_t wraps = screen_.wraps();
    const auto drew_too_wide = [&] { return screen_.wraps() != wraps; };
    resize(columns);
    const bool ended = !read_while([&] { return !drew_too_wide() && !complete(); });
    if (!drew_too_wide()) return !ended;
    resize(before);
    screen_ = test::Screen(before);
    if (!read_while([&] { return screen_.rows().empty(); })) return false;
  }
  return false;
}

void Terminal::type(const std::string& keys) {
  EXPECT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void Terminal::write(const std::string& text) {
  EXPECT_EQ(::write(slave_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

void Terminal::stop_background_writers() {
  termios mode{};
  EXPECT_EQ(::tcgetattr(slave_.get(), &mode), 0);
  mode.c_lflag |= TOSTOP;
  EXPECT_EQ(::tcsetattr(slave_.get(), TCSANOW, &mode), 0);
}

void Terminal::hang_up() {
  slave_.reset();
  master_.reset();
}

bool Terminal::read_until(const std::string& text) {
  return read_while([&] { return written_.find(text) == std::string::npos; });
}

bool Terminal::read_while(const std::function<bool()>& more) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (more()) {
    pollfd entry{master_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 100) > 0 && !read_some()) return false;
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
  return true;
}

std::string Terminal::read_all() {
  slave_.reset();  // the program has the other descriptor
  while (read_some()) {
  }
  return written_;
}

bool Terminal::read_some() {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(master_.get(), buffer.data(), buffer.size());
  if (got <= 0) return got < 0 && errno == EINTR;
  written_.append(buffer.data(), static_cast<std::size_t>(got));
  screen_.write({buffer.data(), static_cast<std::size_t>(got)});
  return true;
}

FullPipe::FullPipe(std::string path) : path_(std::move(path)) {
  EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  EXPECT_TRUE(fd_);
  const std::string page(4096, '#');
  while (::write(fd_.get(), page.data(), page.size()) > 0) {
  }
}

std::string FullPipe::read_all() {
  std::string all;
  std::array<char, 65536> buffer{};
  ssize_t got = 0;
  while ((got = ::read(fd_.get(), buffer.data(), buffer.size())) > 0)
    all.append(buffer.data(), static_cast<std::size_t>(got));
  return all;
}

}  // namespace sluice::e2e
