#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "io/result.h"

namespace sluice::cli {

/// Returns the lines of `text` that fit into a terminal of that size, each narrower than `columns`.
/// If not all lines fit, the last one says how many are missing. The last row of the terminal stays
/// free. Pure.
std::vector<std::string> fit_into(const std::string& text, std::size_t columns, std::size_t rows);

struct WatchOptions {
  std::chrono::seconds interval{2};
  /// Machine-readable text: print it unchanged, and one below the other, also on a terminal.
  bool plain = false;
};

/// Prints the text that `make_text` returns (lines with newlines) to stdout repeatedly until a stop
/// signal: in place on a terminal, otherwise one below the other, with the time in a line before
/// each. A signal ends this function even if stdout is blocked. Returns 128 + the signal. Errors:
/// those of `make_text`; failed if stdout cannot be written. Main thread.
Result<int> watch(const WatchOptions& options,
                  const std::function<Result<std::string>()>& make_text);

}  // namespace sluice::cli
