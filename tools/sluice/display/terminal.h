#pragma once

#include <cstddef>

#include "tools/sluice/display/live_area.h"

/// What the operating system says of a terminal. Any thread; none of these waits for a terminal
/// that takes no output.
namespace sluice::cli {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};
/// The size of the terminal behind `fd` now; 80 columns and 24 rows where that is no terminal, or
/// one that does not know its size.
TerminalSize terminal_size(int fd);

/// The kind of the terminal that the environment names (TERM, NO_COLOR, XTERM_VERSION).
LiveArea::Terminal terminal_kind();

}  // namespace sluice::cli
