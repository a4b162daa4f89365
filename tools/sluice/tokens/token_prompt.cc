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

/// A terminal in canonical mode returns at most 4095 bytes of a line (termios(3)).
constexpr std::size_t longest_line = 4096;
/// Pasted text arrives at once; input after this time was typed.
constexpr timespec paste_timeout{0, 200'000'000};

/// Returns the error that no token can be read from the terminal.
Error no_input(int code, const char* what) {
  Error error = errno_error(ErrorKind::usage, code, what);
  error.message += "; pass the token on standard input";
  return error;
}

/// Blocks signals while the echo is off, so that no signal can end the process in that state.
/// Signals are delivered in wait_for_input() only.
class DeferredSignals {
 public:
  DeferredSignals() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~DeferredSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  DeferredSignals(const DeferredSignals&) = delete;
  DeferredSignals& operator=(const DeferredSignals&) = delete;

  /// Returns whether there is input before `limit` (null: no limit). Error: a stop signal, or an
  /// errno.
  Result<bool> wait_for_input(int terminal, const timespec* limit) const {
    while (true) {
      pollfd entry{terminal, POLLIN, 0};
      const int ready = ::ppoll(&entry, 1, limit, &before_);
      if (stop_signal() != 0)
        return Error{ErrorKind::interrupted, "interrupted while waiting for the token"};
      if (ready >= 0) return ready > 0;
      if (errno != EINTR) return no_input(errno, "cannot wait for input from the terminal");
    }
  }

 private:
  sigset_t before_{};
};

/// Turns off the echo of a terminal while it exists.
class EchoOff {
 public:
  /// Discards earlier input.
  explicit EchoOff(int terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    changed_ = ::tcsetattr(terminal, TCSAFLUSH, &quiet) == 0;
  }
  /// Discards unread input.
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
  // Ignore errors: without the prompt, the user can still enter a token.
  static_cast<void>(::write(terminal, text.data(), text.size()) < 0);
}

/// Returns the first line that is not blank, from input that arrives at once.
Result<std::string> read_line(int terminal, const DeferredSignals& signals) {
  std::array<char, longest_line> buffer{};
  std::string line;
  const timespec* limit = nullptr;
  while (true) {
    TRY_ASSIGN(const bool input, signals.wait_for_input(terminal, limit));
    if (!input) return line;
    const ssize_t got = ::read(terminal, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return no_input(errno, "cannot read from the terminal");
    line.assign(buffer.data(), static_cast<std::size_t>(got));
    buffer.fill('\0');
    if (got == 0 || line.find_first_not_of(" \t\r\n\v\f") != line.npos) return line;
    limit = &paste_timeout;
  }
}

}  // namespace

Result<Secret> prompt_for_token(const std::string& question) {
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal) return no_input(errno, "cannot ask for the token on /dev/tty");
  Result<std::string> line = std::string();
  {
    const DeferredSignals signals;
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
