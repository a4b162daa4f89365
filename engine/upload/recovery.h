#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/policy/retry.h"
#include "io/result.h"

namespace sluice {

/// The decision what an upload does after an error: retry at a given time, get another token, or
/// fail. Holds the retry budget of one upload. Reads no clock and generates no random numbers:
/// callers pass both. One thread at a time.
class Recovery {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Setting {
    RetryPolicy retry;
    /// An earlier run or an earlier inquiry reached this server. Connection failures then get all
    /// retries of the policy.
    bool server_is_known = false;
  };

  explicit Recovery(const Setting& setting) : setting_(setting) {}

  /// An error with the state of the upload when the error occurred.
  struct Failure {
    Error error;
    std::optional<std::chrono::seconds> retry_after = {};  ///< the server's Retry-After
    /// The file may be registered (Registration::may_be_registered()).
    bool may_be_registered = false;
    /// The failed request may have registered the file, and the server cannot be asked about that.
    /// Such a request is not safe to retry, and never is.
    bool is_unsafe_to_repeat = false;
    bool can_resume = false;  ///< a later run can resume the upload
  };
  enum class Action { retry, renew_token, fail };
  /// What to do about a Failure.
  struct Decision {
    Action action = Action::fail;
    Time at = {};           ///< when to retry
    Error error;            ///< for the message; for `fail` complete, with advice
    unsigned failures = 0;  ///< consecutive failures so far
    unsigned retries = 0;   ///< RetryBudget::most_retries()
  };
  /// Decides what to do about `failure`, and consumes the retry budget. `random`: in [0, 1), for
  /// the jitter of the backoff.
  Decision decide(Failure failure, Time now, double random);

  /// Records the committed offset: new bytes restore the retry budget.
  void committed(std::uint64_t bytes) { budget_.committed(bytes); }
  /// Records that the server lost all bytes. Returns false if the server lost the bytes more often
  /// than the policy allows; losses() returns the count.
  bool may_start_over();
  unsigned losses() const { return losses_; }
  /// Forgets that an earlier run reached the server, because its bytes are lost. `server_is_known`:
  /// the new value of Setting::server_is_known.
  void forget_earlier_run(bool server_is_known) { setting_.server_is_known = server_is_known; }
  /// Number of retries decided so far.
  std::uint64_t retries() const { return retries_; }
  const RetryPolicy& policy() const { return setting_.retry; }

 private:
  Setting setting_;
  RetryBudget budget_;
  unsigned losses_ = 0;
  std::uint64_t retries_ = 0;
};

}  // namespace sluice
