#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/protocol/protocol.h"

namespace sluice {

/// The decision whether a file is uploaded in parallel parts (engine/upload/lanes.h), and in which
/// parts.
///
/// Each part costs a request, and the parts must be joined at the end. Parts pay where one
/// connection does not fill the link: with a round trip of 10 ms or more, and for files that take a
/// while, but not where one connection is enough (engine/policy/one_connection.h). Two parts begin,
/// so that one sends while the other waits, and more follow if measurements show a gain, 8 at most.
/// There are more parts than lanes. Each part has an eighth of what the parts before it left, so
/// that all lanes end together, however many and however unequal they are. A part has at least 64
/// MiB, because the next one waits two round trips (32 MiB gave 0.91 of two lanes' rate instead of
/// 0.98, 512 MiB at 50 ms), and at least 1/48 of the file. If the user requests a number, that many
/// parts are uploaded at once.
///
/// The Data Bank's storage joins parts of 5 MiB to 5 GiB (the last one may be shorter), and the
/// addresses of all parts must fit into one header. So fewer parts than requested are used if they
/// would be too short; a file of less than 10 MiB or more than 320 GiB is uploaded as a whole.
struct PartPlan {
  std::vector<ByteRange> parts;  ///< empty: the file is uploaded as a whole
  unsigned first = 1;            ///< lanes at the start
  /// maximum number of lanes
  unsigned most = 1;
};

/// The arguments of plan_parts().
struct PartPlanSetting {
  std::uint64_t size = 0;         ///< bytes of the file
  std::uint64_t block_bytes = 1;  ///< parts begin at the beginning of a block
  std::size_t pool_blocks = 2;    ///< buffers of the pool; each lane needs two
  std::optional<unsigned> asked;  ///< lanes requested (--lanes); 0: no parts; nullopt: automatic
  std::optional<std::chrono::microseconds> round_trip;  ///< nullopt: unknown
  /// As in Answer::Network, of a connection to the server.
  bool bbr = false;
  std::uint64_t max_in_flight_bytes = 0;
};

/// Returns whether waiting for a response after each chunk would slow the upload down notably: the
/// round trip is long, and the file of `size` bytes is large. False if the round trip is unknown.
bool has_long_round_trip(std::optional<std::chrono::microseconds> round_trip, std::uint64_t size);

/// Returns the parts of a file, and how many of them to upload at once.
PartPlan plan_parts(const PartPlanSetting& setting);

/// Returns whether the user requested more parts than fit into the file, as each needs
/// least_part_bytes.
bool asks_for_short_parts(const PartPlanSetting& setting);

/// The maximum length of a part in bytes, and the maximum number of parts. A larger file than these
/// allow is uploaded as a whole, whatever was requested.
inline constexpr std::uint64_t most_part_bytes = std::uint64_t{5} << 30;
inline constexpr std::uint64_t most_parts = 64;

/// Returns the number of lanes for `count` parts that exist already; PartPlan::parts is empty.
PartPlan plan_lanes(const PartPlanSetting& setting, std::size_t count);

/// The file size in bytes from which parts may pay, so that the round trip must be measured.
inline constexpr std::uint64_t worth_parts_bytes = std::uint64_t{256} << 20;

}  // namespace sluice
