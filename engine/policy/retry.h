#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "io/result.h"

/// The retry rule: when to retry and when to fail. No clock and no random numbers of its own: the
/// caller passes both, so that every decision is a unit test. Not thread safe.
namespace sluice {

struct RetryPolicy {
  /// The number of consecutive failures, without a newly committed byte in between, that are
  /// retried; 0 fails at the first one.
  unsigned retries = 10;
  /// The upper bound of the first delay. The bound doubles with each further failure (0.25, 0.5,
  /// ... s), up to `longest`.
  std::chrono::milliseconds first{250};
  std::chrono::milliseconds longest{60'000};
  /// The maximum Retry-After, in seconds; a longer one is reduced to this: a mistaken "next week"
  /// must not stop an upload.
  std::chrono::seconds longest_asked{3600};
};

/// Returns the time of the next retry after `failures` consecutive failures (1 or more); nullopt if
/// the retry budget is exhausted. Exponential backoff with full jitter: the delay is anywhere
/// between 0 and the bound, so that a thousand nodes that lost the same server do not retry at the
/// same time. `retry_after`: the server's Retry-After (RFC 9110, 10.2.3); the retry is never
/// earlier, up to longest_asked. `random`: in [0, 1).
std::optional<std::chrono::steady_clock::time_point> retry_at(
    const RetryPolicy& policy, unsigned failures, std::optional<std::chrono::seconds> retry_after,
    std::chrono::steady_clock::time_point now, double random);

/// A retry budget: a counter of consecutive failures. Only bytes that were never committed before
/// count as progress; otherwise retries against a server that repeatedly loses all bytes would
/// never end.
class RetryBudget {
 public:
  /// Counts one failure. Returns the number of consecutive failures.
  unsigned failed() { return ++failures_; }
  /// Counts `error`. Returns the time of the next retry, see retry_at(); nullopt to fail. An error
  /// with Error::most_tries is tried that often at most, with delays of at least 1, 2, 4 s under
  /// the default policy.
  std::optional<std::chrono::steady_clock::time_point> next_try(
      const RetryPolicy& policy, const Error& error,
      std::optional<std::chrono::seconds> retry_after, std::chrono::steady_clock::time_point now,
      double random);
  /// Returns the number of consecutive failures.
  unsigned failures() const { return failures_; }
  /// Returns how many consecutive failures are retried if `error`, the last one, continues.
  unsigned most_retries(const RetryPolicy& policy, const Error& error) const;
  /// Records that the server has committed `bytes` bytes of the file. More than ever before resets
  /// the count of failures.
  void committed(std::uint64_t bytes) {
    if (bytes <= most_committed_) return;
    most_committed_ = bytes;
    failures_ = lasting_ = 0;
  }
  /// Records that the server has lost all bytes, and that the upload restarts from the beginning:
  /// bytes that counted as progress once count again. Returns how often that has happened; the
  /// caller limits the number of restarts.
  unsigned start_over() {
    most_committed_ = 0;
    return ++losses_;
  }

 private:
  unsigned failures_ = 0;
  unsigned lasting_ = 0;  ///< those of the failures with Error::most_tries
  unsigned losses_ = 0;
  std::uint64_t most_committed_ = 0;
};

}  // namespace sluice
