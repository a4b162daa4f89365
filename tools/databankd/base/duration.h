#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::databankd {

/// "200ms", "1.5s", "0": up to a day. Empty for anything else.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// The same, and "90m", "12h", "7d" too: up to 1000 days.
std::optional<std::chrono::microseconds> parse_lifetime(std::string_view text);

}  // namespace sluice::databankd
