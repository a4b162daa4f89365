#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/upload.h"
#include "engine/upload/progress_meter.h"

/// Progress as text. Pure functions.
namespace sluice::cli {

/// The parts of a progress line, of which a narrow terminal shows the most important ones. Each
/// part is safe to print (printable()), and may be empty.
struct ProgressText {
  std::string what;          ///< the file's name, or "3 of 10 files"
  std::string state;         ///< "42 %", or "waiting for the server"
  std::string short_state;   ///< a short form for a narrow terminal
  std::string amount;        ///< "1.70 GiB of 4.00 GiB"
  std::string short_amount;  ///< "1.70/4.00 GiB"
  std::string rate;          ///< "118 MB/s"
  std::string left;          ///< "19 s left"
  std::string bottleneck;    ///< "network"

  /// Returns all parts: "scan.h5 42 % 1.70 GiB of 4.00 GiB 118 MB/s 19 s left bottleneck: network".
  std::string line() const;
  /// Returns the parts that fit into `columns` of a terminal. To fit, `what` is shortened to 16
  /// columns, then the amount to its short form and the bottleneck loses its label; then `what` is
  /// shortened to 8 columns, and parts are omitted in this order: amount, bottleneck, rate, time
  /// left. The state is never omitted, but is in its short form where nothing else fits.
  std::string line(std::size_t columns) const;
};

/// Returns one line for each text, like ProgressText::line(columns), with the same parts in each,
/// in aligned columns.
std::vector<std::string> aligned_lines(const std::vector<ProgressText>& texts, std::size_t columns);

/// Returns the progress of one file. `bottleneck`: nullopt if unknown or not to be shown.
ProgressText progress_of_file(const std::string& name, const Progress& progress,
                              const ProgressMeter& meter,
                              std::optional<Bottleneck> bottleneck = {});

/// Returns the progress of all `files` together, of which `finished` have ended.
ProgressText progress_of_all(std::size_t finished, std::size_t files, const Progress& progress,
                             const ProgressMeter& meter, std::optional<Bottleneck> bottleneck = {});

}  // namespace sluice::cli
