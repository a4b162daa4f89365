#pragma once

#include <chrono>
#include <cstdint>

namespace sluice {

/// What is known of one connection, or of any connection to a server.
struct ConnectionLimits {
  bool bbr = false;                  ///< its congestion control
  std::uint64_t most_under_way = 0;  ///< bytes that the kernel allows; 0 for not known
  std::chrono::microseconds round_trip{};
};

/// Bytes a second that the kernel lets the connection carry; 0 for not known.
constexpr double carries(const ConnectionLimits& limits) {
  const double round_trip = std::chrono::duration<double>(limits.round_trip).count();
  return round_trip <= 0 ? 0 : static_cast<double>(limits.most_under_way) / round_trip;
}

/// The rule by which one connection is enough: it sends with BBR, which finds the link's rate and
/// keeps it in spite of losses, and the kernel's send buffers allow 4 Gbit/s over that way. Two
/// such connections have the same link to share, and each change from one to the other costs time:
/// so a chunk of the phased protocol goes out behind the one in front of it (engine/lookahead.h),
/// and a file over tus goes whole (engine/part_plan.h).
///
/// Elsewhere the buffers or losses bound what a connection carries, and both measure how many
/// connections fill the link.
constexpr bool one_connection_is_enough(const ConnectionLimits& limits) {
  constexpr double most_links = 500e6;  // bytes a second
  return limits.bbr && carries(limits) >= most_links;
}

}  // namespace sluice
