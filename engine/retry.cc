#include "engine/retry.h"

#include <algorithm>

namespace sluice {

std::optional<std::chrono::steady_clock::time_point> retry_at(
    const RetryPolicy& policy, unsigned failures, std::optional<std::chrono::seconds> retry_after,
    std::chrono::steady_clock::time_point now, double random) {
  using Duration = std::chrono::steady_clock::duration;
  if (failures > policy.retries) return {};
  Duration bound = policy.first;
  for (unsigned i = 1; i < failures && bound < policy.longest; ++i) bound *= 2;
  bound = std::min<Duration>(bound, policy.longest);
  const auto jitter = std::chrono::duration_cast<Duration>(bound * random);
  if (!retry_after) return now + jitter;
  // On top of what it asks for, for the sake of the thousand nodes.
  return now + std::clamp<Duration>(*retry_after, Duration::zero(), policy.longest_asked) +
         std::min<Duration>(jitter, policy.first);
}

}  // namespace sluice
