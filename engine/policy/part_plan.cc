#include "engine/policy/part_plan.h"

#include <algorithm>
#include <cassert>

#include "engine/digest/file_digest.h"
#include "engine/policy/one_connection.h"

namespace sluice {
namespace {

constexpr auto least_round_trip = std::chrono::milliseconds(10);
constexpr unsigned first_by_itself = 2;
constexpr unsigned most_by_itself = 8;

constexpr std::uint64_t least_by_itself = std::uint64_t{64} << 20;
constexpr std::uint64_t share_of_the_rest = 8;
constexpr std::uint64_t share_of_the_file = 48;

std::uint64_t blocks_of(std::uint64_t bytes, std::uint64_t block_bytes) {
  return (bytes + block_bytes - 1) / block_bytes;
}

/// Returns the lengths, in blocks, of the parts of a file of `blocks` blocks where the user did not
/// request a number.
std::vector<std::uint64_t> tapering(std::uint64_t blocks, std::uint64_t block_bytes) {
  const std::uint64_t most = most_part_bytes / block_bytes;
  const std::uint64_t least =
      std::max(blocks_of(least_by_itself, block_bytes), blocks / share_of_the_file);
  std::vector<std::uint64_t> lengths;
  for (std::uint64_t left = blocks; left > 0; left -= lengths.back()) {
    std::uint64_t length = std::min(std::max(left / share_of_the_rest, least), left);
    if (left - length < least / 2) length = left;
    lengths.push_back(std::min(length, most));
  }
  return lengths;
}

/// Returns the lengths, in blocks, of `count` equal parts; of more or fewer if those would be too
/// long or too short to be joined.
std::vector<std::uint64_t> equal(std::uint64_t blocks, std::uint64_t block_bytes,
                                 std::uint64_t count) {
  const std::uint64_t most = most_part_bytes / block_bytes;
  const std::uint64_t length =
      std::clamp((blocks + count - 1) / count, blocks_of(least_part_bytes, block_bytes), most);
  std::vector<std::uint64_t> lengths;
  for (std::uint64_t left = blocks; left > 0; left -= lengths.back())
    lengths.push_back(std::min(length, left));
  return lengths;
}

/// Joins the last two parts if the last one is too short and both together are not too long.
void join_short_tail(std::vector<ByteRange>& parts) {
  if (parts.size() < 2 || parts.back().size() >= least_part_bytes) return;
  ByteRange& before = parts[parts.size() - 2];
  if (parts.back().end - before.begin > most_part_bytes) return;
  before.end = parts.back().end;
  parts.pop_back();
}

}  // namespace

PartPlan plan_lanes(const PartPlanSetting& setting, std::size_t count) {
  PartPlan plan;
  const auto most =
      static_cast<unsigned>(std::min(count, std::max<std::size_t>(1, setting.pool_blocks / 2)));
  plan.most = std::min(most, setting.asked.value_or(most_by_itself));
  plan.most = std::max(plan.most, 1U);
  plan.first = setting.asked ? plan.most : std::min(plan.most, first_by_itself);
  return plan;
}

bool asks_for_short_parts(const PartPlanSetting& setting) {
  const std::uint64_t least =
      blocks_of(least_part_bytes, setting.block_bytes) * setting.block_bytes;
  const unsigned asked = setting.asked.value_or(0);
  return asked > 1 && setting.size / least < asked;
}

bool has_long_round_trip(std::optional<std::chrono::microseconds> round_trip, std::uint64_t size) {
  return round_trip && *round_trip >= least_round_trip && size >= worth_parts_bytes;
}

PartPlan plan_parts(const PartPlanSetting& setting) {
  const bool pays =
      has_long_round_trip(setting.round_trip, setting.size) &&
      !one_connection_is_enough({setting.bbr, setting.max_in_flight_bytes, *setting.round_trip});
  if (setting.asked ? *setting.asked == 0 : !pays) return {};
  const std::uint64_t blocks = blocks_of(setting.size, setting.block_bytes);
  if (blocks == 0) return {};
  // At the end, the blocks that were sent are compared with the blocks that were read, so the
  // checksums of all blocks must be kept.
  if (blocks > FileDigest::always_kept || setting.size > most_parts * most_part_bytes) return {};
  const std::vector<std::uint64_t> lengths =
      setting.asked
          ? equal(blocks, setting.block_bytes, std::min<std::uint64_t>(*setting.asked, blocks))
          : tapering(blocks, setting.block_bytes);
  if (lengths.size() > most_parts) return {};
  std::vector<ByteRange> parts;
  std::uint64_t begin = 0;
  for (const std::uint64_t length : lengths) {
    const std::uint64_t end = std::min(begin + length * setting.block_bytes, setting.size);
    parts.push_back({begin, end});
    begin = end;
  }
  assert(begin == setting.size);
  join_short_tail(parts);
  if (parts.size() == 1 && setting.asked.value_or(2) > 1) return {};
  PartPlan plan = plan_lanes(setting, parts.size());
  plan.parts = std::move(parts);
  return plan;
}

}  // namespace sluice
