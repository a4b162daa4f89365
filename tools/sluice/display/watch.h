#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "io/result.h"

namespace sluice::cli {

/// Returns the lines of `text` that fit into a terminal of that size, each narrower than `columns`;
/// of more lines the last one that fits says how many are missing. The last row of the terminal
/// stays free. Pure function.
std::vector<std::string> fit_into(const std::string& text, std::size_t columns, std::size_t rows);

struct WatchOptions {
  std::chrono::seconds interval{2};
  /// Each text is one for programs: printed as it is, below each other, also on a terminal.
  bool plain = false;
};

/// Shows what `make_text` returns (lines, each with its newline) on stdout, again and again, until
/// a stop signal comes: on a terminal in place, elsewhere one below the other, each with the time
/// of day in a line above it. A terminal or a pipe that takes nothing does not keep a signal from
/// ending this. Returns 128 + the signal. Errors: those of `make_text`; failed where stdout cannot
/// be written. Main thread.
Result<int> watch(const WatchOptions& options,
                  const std::function<Result<std::string>()>& make_text);

}  // namespace sluice::cli
