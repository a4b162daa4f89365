#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/report/report.h"

namespace sluice::cli {

/// How far all files of a run are together.
struct RunTotals {
  std::size_t files = 0;
  std::size_t over = 0;       ///< of these, done with, however they ended
  std::size_t transfers = 0;  ///< of these, in flight
  /// Of all files; those that are over count as sent, those that are registered as committed.
  std::uint64_t bytes = 0, sent = 0, committed = 0;
  double bytes_per_second = 0;  ///< over the network, in the last 10 s; 0: not known yet
  std::optional<double> seconds_left = {};    ///< nothing while the rate is 0
  std::optional<Bottleneck> bottleneck = {};  ///< nothing while that is not known
};

}  // namespace sluice::cli
