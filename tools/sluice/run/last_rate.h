#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/journal/journal.h"

namespace sluice::cli {

/// The rate of the most recent uploads.
struct LastRate {
  double bytes_per_second = 0;
  std::size_t files = 0;  ///< the number of uploads in the average

  /// Returns the seconds that `bytes` take at that rate.
  double seconds_for(std::uint64_t bytes) const {
    return static_cast<double>(bytes) / bytes_per_second;
  }
};

/// Returns the rate of the last session: the uploads registered last, without a pause of more than
/// a minute between them. The rate is all bytes divided by the whole time, because uploads run
/// concurrently. Returns nullopt for less than 1 MiB or one second, which give no useful estimate.
/// Pure.
std::optional<LastRate> last_rate(std::vector<Journal::Timing> uploads);

}  // namespace sluice::cli
