#include "engine/policy/retry.h"

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
  // The jitter is added to the server's Retry-After, so that a thousand nodes do not retry at the
  // same time.
  return now + std::clamp<Duration>(*retry_after, Duration::zero(), policy.longest_asked) +
         std::min<Duration>(jitter, policy.first);
}

std::optional<std::chrono::steady_clock::time_point> RetryBudget::next_try(
    const RetryPolicy& policy, const Error& error, std::optional<std::chrono::seconds> retry_after,
    std::chrono::steady_clock::time_point now, double random) {
  const unsigned failures = failed();
  if (error.most_tries > 0) {
    if (++lasting_ >= error.most_tries) return {};
    const auto least = std::min(policy.first * (2U << std::min(lasting_, 10U)), policy.longest);
    retry_after = std::max(retry_after.value_or(std::chrono::seconds(0)),
                           std::chrono::duration_cast<std::chrono::seconds>(least));
  }
  return retry_at(policy, failures, retry_after, now, random);
}

unsigned RetryBudget::most_retries(const RetryPolicy& policy, const Error& error) const {
  if (error.most_tries <= lasting_) return policy.retries;
  return std::min(policy.retries, failures_ + error.most_tries - 1 - lasting_);
}

}  // namespace sluice
