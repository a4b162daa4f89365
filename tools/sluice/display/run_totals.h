#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/report/report.h"

namespace sluice::cli {

/// The progress of all files of a run together.
struct RunTotals {
  std::size_t files = 0;
  std::size_t finished = 0;   ///< finished files, whatever their status
  std::size_t transfers = 0;  ///< files in flight
  /// Bytes of all files. Finished files count as sent, registered files as committed.
  std::uint64_t bytes = 0, sent = 0, committed = 0;
  double bytes_per_second = 0;  ///< over the network, in the last 10 s; 0: not known yet
  std::optional<double> seconds_left = {};    ///< nullopt while the rate is 0
  std::optional<Bottleneck> bottleneck = {};  ///< nullopt while it is unknown
};

}  // namespace sluice::cli
