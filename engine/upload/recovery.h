#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/policy/retry.h"
#include "io/result.h"

namespace sluice {

/// What an upload does after an error: retries at a time, asks for a token, or fails. Holds the
/// retry budget of one upload. Pure: no clock and no chance of its own. One thread at a time.
class Recovery {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Setting {
    RetryPolicy retry;
    /// The server was there before (an earlier run, an earlier question), so a server that cannot
    /// be reached gets all retries.
    bool server_is_known = false;
  };

  explicit Recovery(const Setting& setting) : setting_(setting) {}

  /// What is known where the error occurred.
  struct Failure {
    Error error;
    std::optional<std::chrono::seconds> retry_after = {};  ///< what the server asks for
    /// The file may be registered (Registration::may_be_registered()).
    bool may_be_registered = false;
    /// The failed request may register the file, and the server cannot be asked whether it has:
    /// never retried.
    bool is_unsafe_to_repeat = false;
    bool can_resume = false;  ///< another run can resume the upload
  };
  enum class Action { retry, renew_token, fail };
  struct Decision {
    Action action = Action::fail;
    Time at = {};           ///< of a retry
    Error error;            ///< for a message; for `fail` complete, with what to do
    unsigned failures = 0;  ///< in a row
  };
  /// `random`: in [0, 1), for the jitter.
  Decision decide(Failure failure, Time now, double random);

  /// The server has confirmed so many bytes of the file.
  void committed(std::uint64_t bytes) { budget_.committed(bytes); }
  /// The server has lost all bytes. False where that has happened too often; losses() says how
  /// often.
  bool may_start_over();
  unsigned losses() const { return losses_; }
  /// An earlier run's bytes are of no use any more.
  void forget_earlier_run(bool server_is_known) { setting_.server_is_known = server_is_known; }
  /// Retries that were decided on.
  std::uint64_t retries() const { return retries_; }
  const RetryPolicy& policy() const { return setting_.retry; }

 private:
  Setting setting_;
  RetryBudget budget_;
  unsigned losses_ = 0;
  std::uint64_t retries_ = 0;
};

}  // namespace sluice
