#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <string_view>

namespace sluice {

/// The last second that std::chrono::system_clock can represent in nanoseconds, in 2262. Servers
/// and certificates without an end date name later times.
constexpr std::time_t last_second = 9'223'372'035;
/// Returns the time of `second` (seconds since 1970), clamped to the range from 1970 to
/// last_second.
inline std::chrono::system_clock::time_point time_of(std::time_t second) {
  return std::chrono::system_clock::from_time_t(std::clamp<std::time_t>(second, 0, last_second));
}

/// Parses a date such as "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7). Returns nullopt for any
/// other text. Any thread.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

}  // namespace sluice
