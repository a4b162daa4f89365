#include "tools/sluice/display/console.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "engine/base/text.h"
#include "engine/base/unix_time.h"
#include "tools/sluice/display/log_time.h"
#include "tools/sluice/display/terminal.h"
#include "tools/sluice/process/job_control.h"
#include "tools/sluice/process/stop.h"

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

/// How long finish() waits if no message is accepted.
constexpr auto accept_timeout = 2s;
/// How long finish() waits after a stop signal: sluice must end within 1.5 s of the signal.
constexpr auto accept_timeout_after_stop = 500ms;

Console::Progress progress_kind(const Console::Options& options, bool terminal) {
  if (options.quiet || options.progress == ProgressMode::never) return Console::Progress::none;
  if (options.progress == ProgressMode::always) return Console::Progress::live;
  return terminal && terminal_kind() != LiveArea::Terminal::no_sequences ? Console::Progress::live
                                                                         : Console::Progress::lines;
}

/// The maximum bytes of a message, whose paths may exceed the size of the queue.
constexpr std::size_t longest_message = 8192;

bool is_same_file(int a, int b) {
  struct stat first {
  }, second{};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

Console::Console(const Options& options)
    : options_(options),
      terminal_(::isatty(STDERR_FILENO) == 1),
      progress_(progress_kind(options, terminal_)),
      // With --progress always and a pipe, assume a terminal behind the pipe.
      kind_(terminal_ ? terminal_kind() : LiveArea::Terminal::rewraps),
      err_({.terminal = kind_}),
      // Separate channels: output to different files needs no common order, and a blocked file must
      // not block the other.
      out_(is_same_file(STDOUT_FILENO, STDERR_FILENO)
               ? nullptr
               : std::make_unique<OutputChannel>(OutputChannel::Setting())) {
  if (progress_ == Progress::live && terminal_) count_continues();
}

Console::~Console() {
  clear_live();
  finish();
}

bool Console::owns_terminal() const {
  return !terminal_ || in_foreground(STDERR_FILENO);
}

void Console::stderr_line(OutputQueue::Kind kind, const std::string& full) {
  if (!owns_terminal()) err_.forget_live();
  const std::string text = shortened(full, longest_message);
  err_.push(kind, terminal_ ? text + '\n' : log_time(unix_s()) + ' ' + text + '\n');
}

void Console::message(OutputQueue::Kind kind, const std::string& text) {
  stderr_line(kind, "sluice: " + text);
}

void Console::error(const std::string& text) {
  if (log_ != nullptr) log_->message(EventLog::Level::error, text);
  message(OutputQueue::Kind::error, text);
}

void Console::warning(const std::string& text) {
  if (log_ != nullptr) log_->message(EventLog::Level::warning, text);
  if (!options_.quiet) message(OutputQueue::Kind::message, text);
}

void Console::detail(const std::string& text) {
  if (!options_.verbose || options_.quiet) return;
  if (log_ != nullptr) log_->message(EventLog::Level::detail, text);
  message(OutputQueue::Kind::message, text);
}

void Console::result(const std::string& text) {
  if (!options_.quiet) report(text);
}

void Console::report(const std::string& text) {
  if (!owns_terminal()) err_.forget_live();
  (out_ ? *out_ : err_).push(OutputQueue::Kind::result, text);
}

void Console::show_live(const ProgressView& view) {
  if (!owns_terminal()) err_.forget_live();
  if (!in_foreground(STDERR_FILENO)) return;
  const TerminalSize size = terminal_size(STDERR_FILENO);
  const bool one_line = !terminal_ || kind_ == LiveArea::Terminal::no_sequences;
  err_.show_live(
      live_lines(one_line ? ProgressView{{}, view.total} : view, size.columns, size.rows));
}

void Console::clear_live() {
  if (owns_terminal())
    err_.show_live({});
  else
    err_.forget_live();
}

void Console::plain_line(const ProgressText& text) {
  stderr_line(OutputQueue::Kind::progress, text.line());
}

bool Console::finish() {
  const auto stop = [] { return stop_signal() != 0; };
  if (out_) out_->drain(accept_timeout, accept_timeout_after_stop, stop);
  err_.drain(accept_timeout, accept_timeout_after_stop, stop);
  return (out_ ? *out_ : err_).results_written();
}

int Console::finish(int code) {
  if (finish()) return code;
  error("cannot write the result to standard output");
  if (code != 0) return code;
  return stop_signal() != 0 ? 128 + stop_signal() : 1;
}

}  // namespace sluice::cli
