#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/result.h"

/// Sizes, rates and durations as people write and read them. Pure functions, any thread.
namespace sluice {

/// Parses a size in bytes: a decimal number, with a fraction if it likes, and a unit. K, M, G, T
/// and KiB, MiB, GiB, TiB are powers of 1024; KB, MB, GB, TB are powers of 1000; case does not
/// matter; B or nothing is bytes. Error usage, quoting the text: empty, negative, no number, an
/// unknown unit, a fraction of a byte, more than 2^63 - 1 bytes.
Result<std::uint64_t> parse_size(std::string_view text);

/// The same, with an optional "/s" or "ps" behind it: bytes per second.
Result<std::uint64_t> parse_rate(std::string_view text);

/// "90", "90s", "30m", "12h", "2d": a whole number of seconds, or of what the letter says; at most
/// 10 years. Error usage, quoting the text.
Result<std::chrono::seconds> parse_duration(std::string_view text);

/// "0 B", "1023 B", "4.00 MiB", "1.50 TiB": three significant digits or more, powers of 1024.
std::string format_size(std::uint64_t bytes);

/// "118 MB/s": powers of 1000, as networks are sold.
std::string format_rate(double bytes_per_second);

/// "0.4 s", "59 s", "3 min 20 s", "2 h 05 min", "3 d 4 h".
std::string format_duration(double seconds);

}  // namespace sluice
