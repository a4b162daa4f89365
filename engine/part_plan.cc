#include "engine/part_plan.h"

#include <algorithm>

#include "engine/file_digest.h"

namespace sluice {
namespace {

constexpr auto long_round_trip = std::chrono::milliseconds(10);
constexpr unsigned parts_by_itself = 8;
constexpr unsigned first_by_itself = 2;

}  // namespace

PartPlan plan_lanes(const PartPlanSetting& setting, std::size_t count) {
  PartPlan plan;
  const auto most =
      static_cast<unsigned>(std::min(count, std::max<std::size_t>(1, setting.pool_blocks / 2)));
  plan.most = std::min(most, setting.asked.value_or(parts_by_itself));
  plan.most = std::max(plan.most, 1U);
  plan.first = setting.asked ? plan.most : std::min(plan.most, first_by_itself);
  return plan;
}

PartPlan plan_parts(const PartPlanSetting& setting) {
  const bool pays = setting.round_trip && *setting.round_trip >= long_round_trip &&
                    setting.size >= worth_parts_bytes;
  std::uint64_t count = setting.asked.value_or(pays ? parts_by_itself : 0);
  if (count == 0 || setting.size == 0) return {};
  const std::uint64_t blocks = (setting.size + setting.block_bytes - 1) / setting.block_bytes;
  if (count > 1 && blocks == 1) return {};
  // What was sent is compared with what was read, block by block, at the end.
  if (blocks > FileDigest::always_kept) return {};
  count = std::min(count, blocks);
  const std::uint64_t length = (blocks + count - 1) / count * setting.block_bytes;
  std::vector<ByteRange> parts;
  for (std::uint64_t begin = 0; begin < setting.size; begin += length)
    parts.push_back({begin, std::min(begin + length, setting.size)});
  PartPlan plan = plan_lanes(setting, parts.size());
  plan.parts = std::move(parts);
  return plan;
}

}  // namespace sluice
