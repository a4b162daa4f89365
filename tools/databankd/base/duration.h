#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::databankd {

/// Parses "200ms", "1.5s" or "0": at most a day. Empty for anything else.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// Also parses "90m", "12h" and "7d": at most 1000 days.
std::optional<std::chrono::microseconds> parse_lifetime(std::string_view text);

}  // namespace sluice::databankd
