#include "tools/sluice/run/transfer_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/units.h"
#include "engine/protocol/tus.h"

namespace sluice::cli {
namespace {

std::string count_text(unsigned count) {
  return fmt::format("{} {}", count, count == 1 ? "transfer" : "transfers");
}

std::string rates_text(const TransferCount::Rates& rates) {
  return fmt::format("{:.1f} files/s and {}", rates.files, format_rate(rates.bytes));
}

}  // namespace

Result<TransferPlan> plan_transfers(const TransferPlanSetting& setting) {
  TransferPlan plan;
  plan.automatic = !setting.asked;
  const auto wanted = static_cast<unsigned>(
      std::clamp<std::size_t>(setting.files, 1, setting.asked.value_or(TransferCount::most)));
  TRY_ASSIGN(plan.most, transfers_within(setting.descriptors, wanted));
  if (plan.most < wanted && !plan.automatic)
    plan.warning = fmt::format(
        "running {} at a time instead of {}: the limit of {} open files (ulimit -n) allows no more",
        count_text(plan.most), wanted, setting.descriptors.limit);
  Result<void> fits = check_memory(setting.space, setting.pool_bytes, plan.most);
  while (!fits && plan.automatic && plan.most > 1)
    fits = check_memory(setting.space, setting.pool_bytes, --plan.most);
  if (!fits) return std::move(fits).error();
  return plan;
}

unsigned transfers_with_checked_chunks(std::size_t pool_bytes, std::size_t block_bytes,
                                       std::uint64_t largest) {
  if (largest <= block_bytes) return TransferCount::most;
  const std::uint64_t chunk = std::min(largest, Tus::part_bytes(largest));
  // A chunk that begins inside a block covers a part of one more block.
  const std::uint64_t blocks = (chunk + block_bytes - 1) / block_bytes + 1;
  return static_cast<unsigned>(std::clamp<std::uint64_t>(
      pool_bytes / block_bytes / blocks, TransferCount::fewest, TransferCount::most));
}

std::string describe(const TransferCount::Change& change) {
  using Reason = TransferCount::Reason;
  switch (change.reason) {
    case Reason::trial_of_more:
      return fmt::format(
          "running {} at a time instead of {}, to measure whether that is faster than {}",
          count_text(change.to), change.from, rates_text(change.before));
    case Reason::trial_of_fewer:
      return fmt::format(
          "running {} at a time instead of {}, to measure whether that is as fast as {}",
          count_text(change.to), change.from, rates_text(change.before));
    case Reason::not_faster:
    case Reason::slower:
      return fmt::format("running {} at a time again: {} made {}, {} made {}",
                         count_text(change.to), change.from, rates_text(change.trial), change.to,
                         rates_text(change.before));
    case Reason::ceiling:
      break;
  }
  return fmt::format("running {} at a time instead of {}: the server was overloaded by more",
                     count_text(change.to), change.from);
}

}  // namespace sluice::cli
