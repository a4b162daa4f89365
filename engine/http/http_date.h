#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <string_view>

namespace sluice {

/// The last second that the clock's nanoseconds can count, in 2262; certificates without an end and
/// servers name later ones.
constexpr std::time_t last_second = 9'223'372'035;
/// Any second; the last one for those after it, the first of 1970 for those before.
inline std::chrono::system_clock::time_point time_of(std::time_t second) {
  return std::chrono::system_clock::from_time_t(std::clamp<std::time_t>(second, 0, last_second));
}

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7); nothing for anything else. Any thread.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

}  // namespace sluice
