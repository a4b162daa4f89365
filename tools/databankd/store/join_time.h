#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::databankd {

/// How long the server takes to join partial uploads (--join-time).
struct JoinTime {
  std::chrono::microseconds time{0};  ///< for each `size` bytes of the result
  std::uint64_t size = 0;             ///< 0: `time` whatever the size of the result

  /// Returns the time for a join with a result of `bytes` bytes; at most 30 days.
  std::chrono::microseconds of(std::uint64_t bytes) const;
};

/// Parses "8s", or "2s/1G" for 2 s per GiB. Empty for anything else.
std::optional<JoinTime> parse_join_time(std::string_view text);

}  // namespace sluice::databankd
