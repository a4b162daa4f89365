#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/result.h"

/// How people write what a link is like. Pure functions; the errors are of kind usage and quote the
/// text.
namespace sluice::bench {

/// "1G", "100M", "2.5Gbit", "1000000": bits a second in powers of 1000, from 1K to 100G.
Result<std::uint64_t> parse_bit_rate(std::string_view text);

/// "25ms", "500us", "1.5s", "0": 0 to 10 seconds.
Result<std::chrono::nanoseconds> parse_delay(std::string_view text);

/// "0.1%" or "0.001": 0 to 1.
Result<double> parse_loss(std::string_view text);

/// A queue that holds what is on its way in one round trip, and 256 KiB at least.
std::uint64_t usual_queue(std::uint64_t bits_per_second, std::chrono::nanoseconds delay);

}  // namespace sluice::bench
