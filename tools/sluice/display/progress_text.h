#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/upload.h"
#include "engine/upload/progress_meter.h"

/// How far something is, in words. Pure functions.
namespace sluice::cli {

/// A progress line in its parts, so that a narrow terminal can show the ones that matter. Each is
/// text that may be shown (printable()), and may be empty.
struct ProgressText {
  std::string what;          ///< the file's name, or "3 of 10 files"
  std::string state;         ///< "42 %", or "waiting for the server"
  std::string short_state;   ///< the same for a narrow terminal
  std::string amount;        ///< "1.70 GiB of 4.00 GiB"
  std::string short_amount;  ///< "1.70/4.00 GiB"
  std::string rate;          ///< "118 MB/s"
  std::string left;          ///< "19 s left"
  std::string bottleneck;    ///< "network"

  /// Returns all of it: "scan.h5  42 %  1.70 GiB of 4.00 GiB  118 MB/s  19 s left  bottleneck:
  /// network".
  std::string line() const;
  /// Returns as much of it as fits into `columns` of a terminal: `what` is shortened to 16 columns,
  /// then the amount gets its short form and the bottleneck loses its label; then `what` is
  /// shortened to 8 columns and parts are left out, the amount first, then the bottleneck, the rate
  /// and the time left. The state stays, however narrow the terminal is.
  std::string line(std::size_t columns) const;
};

/// Returns a line each, as ProgressText::line(columns) makes one, but the same parts of all of
/// them, one below the other.
std::vector<std::string> aligned_lines(const std::vector<ProgressText>& texts, std::size_t columns);

/// One file's. `bottleneck`: nothing where it is not known or not wanted.
ProgressText progress_of_file(const std::string& name, const Progress& progress,
                              const ProgressMeter& meter,
                              std::optional<Bottleneck> bottleneck = {});

/// All files' together, of which `over` are done with.
ProgressText progress_of_all(std::size_t over, std::size_t files, const Progress& progress,
                             const ProgressMeter& meter, std::optional<Bottleneck> bottleneck = {});

}  // namespace sluice::cli
