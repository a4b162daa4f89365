#include "tools/sluice/tokens/token_prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string_view>
#include <utility>

#include "io/unique_fd.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/tokens/token_text.h"

namespace sluice::cli {
namespace {

/// A terminal takes a line of 4095 bytes at most.
constexpr std::size_t longest_line = 4096;
/// A text that is pasted comes at once: what comes later than this was typed.
constexpr timespec rest_of_paste{0, 200'000'000};

/// Blocks signals, so that none can end the process while the terminal shows nothing. They come in
/// during wait_for_input() alone.
class SignalsHeldBack {
 public:
  SignalsHeldBack() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsHeldBack() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeldBack(const SignalsHeldBack&) = delete;
  SignalsHeldBack& operator=(const SignalsHeldBack&) = delete;

  /// Whether there is input; `limit`: null for no limit. An errno in place of an answer.
  Result<bool> wait_for_input(int terminal, const timespec* limit) const {
    while (true) {
      pollfd entry{terminal, POLLIN, 0};
      const int ready = ::ppoll(&entry, 1, limit, &before_);
      if (stop_signal() != 0)
        return Error{ErrorKind::interrupted, "interrupted while waiting for the token"};
      if (ready >= 0) return ready > 0;
      if (errno != EINTR)
        return errno_error(ErrorKind::usage, errno, "cannot wait for input from the terminal");
    }
  }

 private:
  sigset_t before_{};
};

/// A terminal that does not show what is typed.
class EchoOff {
 public:
  /// Drops what was typed before.
  explicit EchoOff(int terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    changed_ = ::tcsetattr(terminal, TCSAFLUSH, &quiet) == 0;
  }
  /// Drops what was not read.
  ~EchoOff() {
    if (changed_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

  explicit operator bool() const { return changed_; }

 private:
  const int terminal_;
  termios before_{};
  bool changed_ = false;
};

void show(int terminal, std::string_view text) {
  // A terminal that takes nothing shows no question, and may give an answer all the same.
  static_cast<void>(::write(terminal, text.data(), text.size()) < 0);
}

/// The first line that is not blank, of what comes at once.
Result<std::string> read_line(int terminal, const SignalsHeldBack& signals) {
  std::array<char, longest_line> buffer{};
  std::string line;
  const timespec* limit = nullptr;
  while (true) {
    TRY_ASSIGN(const bool input, signals.wait_for_input(terminal, limit));
    if (!input) return line;
    const ssize_t got = ::read(terminal, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return errno_error(ErrorKind::usage, errno, "cannot read from the terminal");
    line.assign(buffer.data(), static_cast<std::size_t>(got));
    buffer.fill('\0');
    if (got == 0 || line.find_first_not_of(" \t\r\n\v\f") != line.npos) return line;
    limit = &rest_of_paste;
  }
}

}  // namespace

Result<Secret> prompt_for_token(const std::string& question) {
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal) {
    Error error = errno_error(ErrorKind::usage, errno, "cannot ask for the token on /dev/tty");
    error.message += "; pass the token on standard input";
    return error;
  }
  Result<std::string> line = std::string();
  {
    const SignalsHeldBack signals;
    const EchoOff quiet(terminal.get());
    if (!quiet)
      return Error{ErrorKind::usage,
                   "cannot turn off the echo of the terminal, and would show the token; pass the "
                   "token on standard input"};
    show(terminal.get(), question + ": ");
    line = read_line(terminal.get(), signals);
    show(terminal.get(), "\n");
  }
  if (!line) return std::move(line).error();
  return parse_token(*std::move(line), "the terminal");
}

}  // namespace sluice::cli
