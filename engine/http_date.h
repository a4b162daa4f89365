#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice {

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7); nothing for anything else. Any thread.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

}  // namespace sluice
