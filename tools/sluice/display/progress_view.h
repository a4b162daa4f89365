#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/sluice/display/progress_text.h"

/// The progress of a run with several transfers. Pure functions.
namespace sluice::cli {

struct ProgressView {
  std::vector<ProgressText> transfers;  ///< in flight, oldest first; empty if the run has one file
  ProgressText total;                   ///< of all files, or of the only one
};

/// Returns the lines of the live area for a terminal of that size, each narrower than `columns`: a
/// line for each transfer, oldest first; "and N more transfers" if not all fit; and the total in
/// the last line. On a terminal of less than 96 columns the total takes two lines, because one line
/// would omit the rate, the time left or the bottleneck. Uses at most a third of the rows, and at
/// least one.
std::vector<std::string> live_lines(const ProgressView& view, std::size_t columns,
                                    std::size_t rows);

}  // namespace sluice::cli
