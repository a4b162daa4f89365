#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/result.h"

/// Parses the properties of a link. Pure functions; errors are of kind usage and quote the text.
namespace sluice::bench {

/// "1G", "100M", "2.5Gbit", "1000000": bits per second in powers of 1000, from 1K to 100G.
Result<std::uint64_t> parse_bit_rate(std::string_view text);

/// "25ms", "500us", "1.5s", "0": 0 to 10 seconds.
Result<std::chrono::nanoseconds> parse_delay(std::string_view text);

/// "0.1%" or "0.001": 0 to 1.
Result<double> parse_loss(std::string_view text);

/// Returns the default queue size in bytes: the bandwidth-delay product of the round trip, at least
/// 256 KiB.
std::uint64_t usual_queue(std::uint64_t bits_per_second, std::chrono::nanoseconds delay);

}  // namespace sluice::bench
