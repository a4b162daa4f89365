#include "engine/upload/chunk_planner.h"

#include <algorithm>
#include <utility>

#include "engine/base/seconds.h"

namespace sluice {

ChunkPlanner::ChunkPlanner(const Setting& setting)
    : setting_(setting), sizer_(setting.sizer), lookahead_(setting.lookahead) {}

std::uint64_t ChunkPlanner::length(std::uint64_t begin, std::uint64_t committed,
                                   std::uint64_t least) const {
  const std::uint64_t length =
      std::max(std::min(sizer_.next(begin, setting_.size - begin), setting_.most_bytes), least);
  if (chunks_ > 0 || setting_.sizer.asked != 0 || lookahead_.depth() == 0 ||
      setting_.keeps_parts_of_chunks)
    return length;
  const bool ahead = begin > committed;
  return std::min(length, std::max<std::uint64_t>(lookahead_.length_at_first(ahead), 1));
}

void ChunkPlanner::begin_interval(Time now, double idle_s) {
  interval_at_ = now;
  interval_idle_ = idle_s;
}

std::optional<std::uint64_t> ChunkPlanner::committed(std::uint64_t bytes, bool was_pipelined,
                                                     Time now, double idle_s) {
  ++chunks_;
  largest_committed_ = std::max(largest_committed_, bytes);
  if (was_pipelined) lookahead_.confirmed_ahead();
  // A chunk that is confirmed right after a 413 gives a limit for the journal.
  const bool found_limit = was_too_large_ && bytes <= sizer_.bound();
  if (found_limit) was_too_large_ = false;
  const double seconds = in_seconds(now - interval_at_);
  const double idle = std::max(0.0, idle_s - interval_idle_);
  begin_interval(now, idle_s);
  lookahead_.committed(bytes, seconds, idle);
  sizer_.committed({.bytes = bytes,
                    .seconds = seconds,
                    .waited_s = idle,
                    .ahead = lookahead_.depth() > 0 && !setting_.keeps_parts_of_chunks});
  return found_limit ? std::optional(bytes) : std::nullopt;
}

void ChunkPlanner::found_offset(std::uint64_t committed) {
  if (!broke_at_) return;
  if (committed <= *broke_at_) sizer_.failed();
  broke_at_.reset();
}

bool ChunkPlanner::too_large(std::uint64_t payload) {
  if (!sizer_.too_large(payload)) return false;
  was_too_large_ = true;
  return true;
}

}  // namespace sluice
