#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/result.h"

/// Conversions of sizes, rates and durations to and from the text that people read. Pure functions,
/// any thread.
namespace sluice {

/// Parses a size and returns it in bytes. `text` is a decimal number, with an optional fraction,
/// and a unit. K, M, G, T and KiB, MiB, GiB, TiB are powers of 1024; KB, MB, GB, TB are powers of
/// 1000; case does not matter; B or no unit means bytes. A fraction of a byte after the unit is
/// rounded down. Error usage, which quotes the text: empty, negative, not a number, an unknown
/// unit, a fraction of bytes ("1.5 B"), more than 2^63 - 1 bytes.
Result<std::uint64_t> parse_size(std::string_view text);

/// Parses a size with an optional suffix "/s" or "ps" and returns it in bytes per second. Errors as
/// parse_size().
Result<std::uint64_t> parse_rate(std::string_view text);

/// Parses a duration: a whole number and an optional unit, as in "90", "90s", "30m", "12h", "2d".
/// No unit means seconds. At most 10 years. Error usage, which quotes the text.
Result<std::chrono::seconds> parse_duration(std::string_view text);

/// Formats a size with powers of 1024, from bytes to TiB: "0 B", "1023 B", "4.00 MiB", "1.50 TiB".
/// Three significant digits or more.
std::string format_size(std::uint64_t bytes);

/// Formats a rate with powers of 1000, the convention for networks: "118 MB/s".
std::string format_rate(double bytes_per_second);

/// Formats a duration: "0.4 s", "59 s", "3 min 20 s", "2 h 05 min", "3 d 4 h"; "unknown" for a
/// negative number or NaN, "forever" from 1e15 s on.
std::string format_duration(double seconds);

}  // namespace sluice
