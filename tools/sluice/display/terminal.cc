#include "tools/sluice/display/terminal.h"

#include <sys/ioctl.h>

#include <cstdlib>
#include <string_view>

namespace sluice::cli {
namespace {

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

}  // namespace

TerminalSize terminal_size(int fd) {
  TerminalSize size;
  winsize asked{};
  if (::ioctl(fd, TIOCGWINSZ, &asked) != 0) return size;
  if (asked.ws_col > 0) size.columns = asked.ws_col;
  if (asked.ws_row > 0) size.rows = asked.ws_row;
  return size;
}

LiveArea::Terminal terminal_kind() {
  return terminal_kind(variable("TERM"), variable("NO_COLOR"), variable("XTERM_VERSION"));
}

}  // namespace sluice::cli
