#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::databankd {

/// How long a join of partial uploads takes before it is carried out.
struct JoinTime {
  std::chrono::microseconds time{0};
  std::uint64_t size = 0;  ///< bytes for which it takes that time; 0: whatever the size

  /// Of a join of so many bytes; 30 days at most.
  std::chrono::microseconds of(std::uint64_t bytes) const;
};

/// "8s", or "2s/1G" for 2 s for each GiB. Empty for anything else.
std::optional<JoinTime> parse_join_time(std::string_view text);

}  // namespace sluice::databankd
