#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "io/result.h"

/// When to try again, and when to give up. No clock and no chance of its own: whoever asks brings
/// both, so that every decision is a unit test. Not thread safe.
namespace sluice {

struct RetryPolicy {
  /// Failures in a row, no new byte committed in between, that are survived; 0 gives up at the
  /// first.
  unsigned retries = 10;
  /// The longest wait before the first repetition; it doubles with each (0.25, 0.5, ... s), up to
  std::chrono::milliseconds first{250};
  std::chrono::milliseconds longest{60'000};
  /// the longest a server can make us wait with Retry-After: a mistaken "next week" is not obeyed.
  std::chrono::seconds longest_asked{3600};
};

/// When to repeat what has failed `failures` times in a row (1 or more); nothing where it is to be
/// given up. Exponential backoff with full jitter: anywhere between at once and the bound, so that
/// a thousand nodes that lost the same server do not come back together. `random`: in [0, 1).
/// `retry_after`: what the server asks for (RFC 9110, 10.2.3); never earlier than that.
std::optional<std::chrono::steady_clock::time_point> retry_at(
    const RetryPolicy& policy, unsigned failures, std::optional<std::chrono::seconds> retry_after,
    std::chrono::steady_clock::time_point now, double random);

/// Counts the failures in a row. Only bytes that were never committed before count as progress, or
/// a server that loses everything again and again would be tried for ever.
class RetryBudget {
 public:
  /// One more; the answer is how many in a row there are now.
  unsigned failed() { return ++failures_; }
  /// Counts `error`, and returns when to retry: see retry_at(), and Error::most_tries, whose tries
  /// are 1, 2, 4 s apart at least, for the usual policy. Nothing to give up.
  std::optional<std::chrono::steady_clock::time_point> next_try(
      const RetryPolicy& policy, const Error& error,
      std::optional<std::chrono::seconds> retry_after, std::chrono::steady_clock::time_point now,
      double random);
  unsigned failures() const { return failures_; }
  /// The server has confirmed so many bytes of the file.
  void committed(std::uint64_t bytes) {
    if (bytes <= most_committed_) return;
    most_committed_ = bytes;
    failures_ = lasting_ = 0;
  }
  /// The server has lost everything, and is sent it anew, so that what was progress once is
  /// progress again. The answer is how often that has happened: a server that does it again and
  /// again has a limit of its own.
  unsigned start_over() {
    most_committed_ = 0;
    return ++losses_;
  }

 private:
  unsigned failures_ = 0;
  unsigned lasting_ = 0;  ///< of those, errors with most_tries
  unsigned losses_ = 0;
  std::uint64_t most_committed_ = 0;
};

}  // namespace sluice
