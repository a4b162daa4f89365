#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/sluice/display/progress_text.h"

/// How far a run of several transfers is. Pure functions.
namespace sluice::cli {

struct ProgressView {
  std::vector<ProgressText> transfers;  ///< in flight, oldest first; empty where there is one file
  ProgressText total;                   ///< of all files; of one file, its own
};

/// Returns the lines of the live area for a terminal of that size, each narrower than `columns`: a
/// line for each transfer, oldest first, "and N more transfers" for those that do not fit, and the
/// total in the last line, or in the last two on a terminal of less than 96 columns, where one
/// would have to leave out the rate, the time left or the bottleneck. Takes a third of the
/// terminal's rows at most, and one at least.
std::vector<std::string> live_lines(const ProgressView& view, std::size_t columns,
                                    std::size_t rows);

}  // namespace sluice::cli
