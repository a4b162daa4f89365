#pragma once

#include <chrono>
#include <cstdint>

namespace sluice {

/// The limits of the rate of one TCP connection.
struct ConnectionLimits {
  bool bbr = false;  ///< the congestion control is BBR
  std::uint64_t max_in_flight_bytes =
      0;  ///< bytes in flight that the send buffer allows; 0: unknown
  std::chrono::microseconds round_trip{};
};

/// Returns the rate, in bytes per second, that the send buffer allows; 0 if unknown.
constexpr double carries(const ConnectionLimits& limits) {
  const double round_trip = std::chrono::duration<double>(limits.round_trip).count();
  return round_trip <= 0 ? 0 : static_cast<double>(limits.max_in_flight_bytes) / round_trip;
}

/// Returns whether a second connection could not make an upload faster: the congestion control is
/// BBR, which keeps the rate of the link in spite of losses, and the send buffer allows 4 Gbit/s.
///
/// Parallel connections then only share the link, and the queue in front of the link drops packets
/// that all of them send again. So chunks of the phased protocol alternate between two connections,
/// of which one sends (engine/policy/lookahead.h), and tus files are uploaded in one request
/// (engine/policy/part_plan.h). In other cases Lookahead and LaneCount measure how many
/// connections fill the link.
constexpr bool one_connection_is_enough(const ConnectionLimits& limits) {
  constexpr double most_links = 500e6;  // bytes a second
  return limits.bbr && carries(limits) >= most_links;
}

}  // namespace sluice
