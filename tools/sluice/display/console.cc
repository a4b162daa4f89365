#include "tools/sluice/display/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <string_view>

#include "tools/sluice/display/log_time.h"
#include "tools/sluice/process/stop.h"

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

/// How long finish() waits for somebody who takes no messages.
constexpr auto patience = 2s;
/// The same for everything once a stop signal came: sluice ends within 1.5 s of it.
constexpr auto patience_after_stop = 500ms;

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

/// Whether the terminal can draw a line again and again, and is wanted to. https://no-color.org is
/// about escape sequences, of which the live line has some.
bool knows_escape_sequences() {
  const std::string_view kind = environment("TERM");
  return !kind.empty() && kind != "dumb" && environment("NO_COLOR").empty();
}

Console::Progress choose(const Console::Options& options, bool terminal) {
  if (options.quiet || options.progress == ProgressMode::never) return Console::Progress::none;
  if (options.progress == ProgressMode::always) return Console::Progress::live;
  return terminal && knows_escape_sequences() ? Console::Progress::live : Console::Progress::lines;
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool one_file(int a, int b) {
  struct stat first {
  }, second{};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

Console::Console(const Options& options)
    : options_(options),
      terminal_(::isatty(STDERR_FILENO) == 1),
      progress_(choose(options, terminal_)),
      err_({.erase_line = knows_escape_sequences() || !terminal_ ? "\r\033[K" : ""}),
      // Two files have no order between them, and one that is stuck must not hold up the other.
      out_(one_file(STDOUT_FILENO, STDERR_FILENO)
               ? nullptr
               : std::make_unique<OutputChannel>(OutputChannel::Setting())) {}

Console::~Console() {
  clear_line();
  finish();
}

bool Console::in_foreground() const {
  // No answer (-1): it is not our controlling terminal, and jobs have nothing to do with it.
  const pid_t group = terminal_ ? ::tcgetpgrp(STDERR_FILENO) : -1;
  return group < 0 || group == ::getpgrp();
}

void Console::stderr_line(OutputQueue::Kind kind, const std::string& text) {
  if (!in_foreground()) err_.forget_live();
  err_.push(kind, terminal_ ? text + '\n' : log_time(std::time(nullptr)) + ' ' + text + '\n');
}

void Console::message(OutputQueue::Kind kind, const std::string& text) {
  stderr_line(kind, "sluice: " + text);
}

void Console::error(const std::string& text) {
  message(OutputQueue::Kind::error, text);
}

void Console::warning(const std::string& text) {
  if (!options_.quiet) message(OutputQueue::Kind::message, text);
}

void Console::detail(const std::string& text) {
  if (options_.verbose && !options_.quiet) message(OutputQueue::Kind::message, text);
}

void Console::result(const std::string& text) {
  if (!options_.quiet) report(text);
}

void Console::report(const std::string& text) {
  if (!in_foreground()) err_.forget_live();
  (out_ ? *out_ : err_).push(OutputQueue::Kind::result, text);
}

void Console::live_line(const ProgressText& text) {
  if (!in_foreground())
    err_.forget_live();
  else
    // One column is left free: a full line would make some terminals wrap.
    err_.show_live(text.line(terminal_columns() - 1));
}

void Console::clear_line() {
  if (in_foreground())
    err_.hide_live();
  else
    err_.forget_live();
}

void Console::plain_line(const ProgressText& text) {
  stderr_line(OutputQueue::Kind::progress, text.line());
}

bool Console::finish() {
  const auto stop = [] { return stop_signal() != 0; };
  if (out_) out_->drain(patience, patience_after_stop, stop);
  err_.drain(patience, patience_after_stop, stop);
  return (out_ ? *out_ : err_).results_written();
}

}  // namespace sluice::cli
