#include "tools/sluice/display/watch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <optional>
#include <string_view>

#include "engine/base/unix_time.h"
#include "engine/http/blocking_exchanges.h"
#include "tools/sluice/display/log_time.h"
#include "tools/sluice/display/output_channel.h"
#include "tools/sluice/display/terminal.h"
#include "tools/sluice/display/text_width.h"
#include "tools/sluice/process/job_control.h"
#include "tools/sluice/process/stop.h"

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

bool stopped() {
  return stop_signal() != 0;
}

std::string now_line(std::chrono::seconds interval) {
  return fmt::format("{}, every {} s\n", log_time(unix_s()), interval.count());
}

/// Blocks until all is written or a stop signal arrives.
Result<void> write_out(std::string_view text) {
  while (!text.empty() && !stopped()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR)
      return errno_error(ErrorKind::failed, errno, "cannot write the list to standard output");
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// A list that is updated in place, and redrawn when the size of the terminal changes.
class Screen {
 public:
  Screen() { count_continues(); }

  void show(const std::string& text) {
    text_ = text;
    draw();
  }
  void wait_until(Clock::time_point deadline) {
    constexpr auto tick = 100ms;
    while (!stopped() && Clock::now() < deadline) {
      sluice::wait_until(std::min(deadline, Clock::now() + tick), stopped);
      const TerminalSize size = terminal_size(STDOUT_FILENO);
      if (size.columns != size_.columns || size.rows != size_.rows ||
          times_continued() != continued_)
        draw();
    }
  }
  /// Leaves the list on the terminal.
  void end() {
    channel_.drain(500ms, 500ms, stopped);
    channel_.forget_live();
    if (in_foreground(STDOUT_FILENO)) channel_.push(OutputQueue::Kind::message, "\n");
    channel_.drain(500ms, 500ms, stopped);
  }

 private:
  void draw() {
    const bool foreground = in_foreground(STDOUT_FILENO);
    if (!foreground) channel_.forget_live();
    continued_ = times_continued();
    size_ = terminal_size(STDOUT_FILENO);
    if (foreground) channel_.show_live(fit_into(text_, size_.columns, size_.rows));
  }

  OutputChannel channel_{{.err = STDOUT_FILENO, .terminal = terminal_kind()}};
  std::string text_;
  TerminalSize size_;
  int continued_ = times_continued();
};

}  // namespace

std::vector<std::string> fit_into(const std::string& text, std::size_t columns, std::size_t rows) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(shorten(std::string_view(text).substr(at, end - at),
                            std::max<std::size_t>(columns, 2) - 1));
    at = end + 1;
  }
  const std::size_t most = std::max<std::size_t>(rows, 2) - 1;
  if (lines.size() <= most) return lines;
  const std::size_t missing = lines.size() - most + 1;
  lines.resize(most - 1);
  lines.push_back(
      shorten(fmt::format("and {} more lines", missing), std::max<std::size_t>(columns, 2) - 1));
  return lines;
}

Result<int> watch(const WatchOptions& options,
                  const std::function<Result<std::string>()>& make_text) {
  catch_stop_signals();
  const bool in_place = !options.plain && ::isatty(STDOUT_FILENO) == 1 &&
                        terminal_kind() != LiveArea::Terminal::no_sequences;
  std::optional<Screen> screen;
  if (in_place) screen.emplace();
  while (!stopped()) {
    const auto next = Clock::now() + options.interval;
    Result<std::string> text = make_text();
    if (!text) {
      if (screen) screen->end();
      return text.error();
    }
    if (!options.plain) *text = now_line(options.interval) + *text;
    if (screen) {
      screen->show(*text);
      screen->wait_until(next);
    } else {
      TRY(write_out(options.plain ? *text : *text + '\n'));
      wait_until(next, stopped);
    }
  }
  if (screen) screen->end();
  return 128 + stop_signal();
}

}  // namespace sluice::cli
