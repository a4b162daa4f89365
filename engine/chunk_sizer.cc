#include "engine/chunk_sizer.h"

#include <algorithm>

namespace sluice {

ChunkSizer::ChunkSizer(std::uint64_t asked, std::uint64_t bound)
    : bound_(bound == 0 ? asked : std::min(asked, bound)), now_(bound_) {}

void ChunkSizer::committed() {
  now_ = now_ > bound_ / 2 ? bound_ : now_ * 2;
}

void ChunkSizer::failed() {
  // What is smaller than that already is so because somebody wanted it.
  if (now_ > least_after_failures) now_ = std::max(now_ / 2, least_after_failures);
}

bool ChunkSizer::too_large(std::uint64_t payload) {
  const std::uint64_t smaller = std::min(now_, payload) / 2;
  if (smaller < least) return false;
  now_ = bound_ = smaller;
  return true;
}

}  // namespace sluice
