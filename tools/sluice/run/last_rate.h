#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/journal/journal.h"

namespace sluice::cli {

/// How fast the last uploads were.
struct LastRate {
  double bytes_per_second = 0;
  std::size_t files = 0;  ///< that it was computed from

  /// Seconds for so many bytes at that rate.
  double seconds_for(std::uint64_t bytes) const {
    return static_cast<double>(bytes) / bytes_per_second;
  }
};

/// The rate of the last session: of the uploads that were registered last, with no pause of more
/// than a minute between them; all bytes over the whole time, since uploads run side by side.
/// Nothing where they had less than 1 MiB or took less than a second, which says little. Pure.
std::optional<LastRate> last_rate(std::vector<Journal::Timing> uploads);

}  // namespace sluice::cli
