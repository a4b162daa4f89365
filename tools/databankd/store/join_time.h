#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::databankd {

/// The delay of a join of partial uploads.
struct JoinTime {
  std::chrono::microseconds time{0};
  std::uint64_t size = 0;  ///< bytes for which it takes that time; 0: any size

  /// Returns the delay for a join of that many bytes; at most 30 days.
  std::chrono::microseconds of(std::uint64_t bytes) const;
};

/// Parses "8s", or "2s/1G" for 2 s per GiB. Empty for anything else.
std::optional<JoinTime> parse_join_time(std::string_view text);

}  // namespace sluice::databankd
