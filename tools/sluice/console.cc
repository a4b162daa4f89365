#include "tools/sluice/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace sluice::cli {
namespace {

Console::Progress choose(const Console::Options& options) {
  if (options.quiet || options.progress == ProgressMode::never) return Console::Progress::none;
  if (options.progress == ProgressMode::always || ::isatty(STDERR_FILENO) == 1)
    return Console::Progress::live;
  return Console::Progress::lines;
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

/// Whether it can be written or not: fmt::print() would throw, and an upload does not end because
/// its log has no room.
void write_error(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

/// The first `columns` characters, taking each code point for one column.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t column = 0; at < text.size() && column < columns; ++column) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return text.substr(0, at);
}

}  // namespace

Console::Console(const Options& options) : options_(options), progress_(choose(options)) {}

void Console::message(const std::string& text) {
  MutexLock lock(mutex_);
  clear_locked();
  write_error(fmt::format("sluice: {}\n", text));
}

void Console::error(const std::string& text) {
  message(text);
}

void Console::warning(const std::string& text) {
  if (!options_.quiet) message(text);
}

void Console::detail(const std::string& text) {
  if (options_.verbose && !options_.quiet) message(text);
}

void Console::result(const std::string& text) {
  if (options_.quiet) return;
  MutexLock lock(mutex_);
  clear_locked();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Console::live_line(const std::string& text) {
  MutexLock lock(mutex_);
  // One column is left free: a full line would make some terminals wrap.
  write_error("\r\033[K" + cut(text, terminal_columns() - 1));
  std::fflush(stderr);
  line_shown_ = true;
}

void Console::clear_line() {
  MutexLock lock(mutex_);
  clear_locked();
}

void Console::clear_locked() {
  if (!line_shown_) return;
  write_error("\r\033[K");
  std::fflush(stderr);
  line_shown_ = false;
}

void Console::plain_line(const std::string& text) {
  MutexLock lock(mutex_);
  write_error(text + '\n');
}

}  // namespace sluice::cli
