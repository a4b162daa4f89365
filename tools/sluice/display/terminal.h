#pragma once

#include <cstddef>

#include "tools/sluice/display/live_area.h"

/// Properties of terminals. Any thread; no function blocks.
namespace sluice::cli {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};
/// Returns the size of the terminal `fd`; 80 columns and 24 rows if it is no terminal or has no
/// size.
TerminalSize terminal_size(int fd);

/// Returns the kind of terminal that the environment describes (TERM, NO_COLOR, XTERM_VERSION).
LiveArea::Terminal terminal_kind();

}  // namespace sluice::cli
