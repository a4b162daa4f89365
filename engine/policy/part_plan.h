#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/protocol/protocol.h"

namespace sluice {

/// Whether a file goes in parts side by side (engine/upload/lanes.h), and in which.
///
/// Parts cost a request each and the join at the end, and win where one connection does not fill
/// the link: with a round trip of 10 ms and more, and for files that take a while, but not where
/// one connection is enough (engine/policy/one_connection.h). Of those 2 parts begin, so that one
/// sends while the other waits, and more follow if measured to pay, 8 at most. They are more than
/// lanes, and each has an eighth of what the ones before it left, so that the lanes end together
/// however many there are and however unlike: at least 64 MiB, as the next one waits two round
/// trips (with 32, 0.91 of two lanes' rate and not 0.98, 512 MiB at 50 ms), and a 48th of the file.
/// Where a number is asked for, that many parts go at once.
///
/// The Data Bank's storage joins parts of 5 MiB to 5 GiB (but the last one may be shorter), and
/// their addresses have to fit into one header. So there are fewer parts than asked for where they
/// would be shorter, a file of less than 10 MiB goes whole, and so does one of more than 320 GiB.
struct PartPlan {
  std::vector<ByteRange> parts;  ///< empty: the file goes whole
  unsigned first = 1;            ///< lanes to begin with
  unsigned most = 1;
};

struct PartPlanSetting {
  std::uint64_t size = 0;         ///< of the file, bytes
  std::uint64_t block_bytes = 1;  ///< parts begin where a block does
  std::size_t pool_blocks = 2;    ///< each lane needs two
  std::optional<unsigned> asked;  ///< by the user; 0: none; nothing: by what is known
  std::optional<std::chrono::microseconds> round_trip;  ///< nothing: not known
  /// As Answer::Network has them, of a connection to the server.
  bool bbr = false;
  std::uint64_t most_under_way = 0;
};

/// Whether the way to the server is so long, and the file so large, that each round trip counts.
bool is_long_way(std::optional<std::chrono::microseconds> round_trip, std::uint64_t size);

PartPlan plan_parts(const PartPlanSetting& setting);

/// Whether more parts were asked for than the file has room for, as each needs least_part_bytes.
bool asks_for_short_parts(const PartPlanSetting& setting);

/// A larger file than these allow for goes whole, whatever is asked.
inline constexpr std::uint64_t most_part_bytes = std::uint64_t{5} << 30;
inline constexpr std::uint64_t most_parts = 64;

/// For parts that exist already, `count` of them: only how many go at once.
PartPlan plan_lanes(const PartPlanSetting& setting, std::size_t count);

/// From which size on it is worth asking for the round trip.
inline constexpr std::uint64_t worth_parts_bytes = std::uint64_t{256} << 20;

}  // namespace sluice
