#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "engine/policy/request_gate.h"
#include "engine/protocol/setup_question.h"
#include "io/result.h"

namespace sluice {

/// Whether a token is refused that a server answered 401 to, or the phased generation's 500.
/// Today's server checks the token of a tus request by an HTTP request to itself, so a server that
/// restarts or has no thread left answers 401 to a good token. The answers to a SetupQuestion,
/// which the server answers without that, decide:
///
///     answer                       verdict
///     ---------------------------  -----------------------------------------------------------
///     it accepts the token         accepted: the step is retried, with backoff
///     it refuses the token         ask_again, a little later: it may be restarting
///     the same, often enough       refused
///     no such dataset              no_dataset
///     none, or a front server's    unknown: the step is retried, with backoff
///
/// Pure. One thread at a time.
class TokenDoubt {
 public:
  enum class Verdict { accepted, ask_again, refused, no_dataset, unknown };

  /// `refusal`: the error that the answer came to. `moment`: when it came. `worked`: whether the
  /// server has accepted the token before. Two refusals in a row decide; five where it has worked
  /// and the answer was the 500, as the phased generation answers any error of its own so.
  TokenDoubt(Error refusal, std::optional<std::chrono::seconds> retry_after,
             const RequestGate::Moment& moment, bool worked)
      : refusal_(std::move(refusal)),
        retry_after_(retry_after),
        moment_(moment),
        enough_(worked && refusal_.code == 500 ? 5 : 2) {}

  Verdict heard(const Result<Answer>& answer) {
    if (!answer) return Verdict::unknown;
    switch (read_setup_answer(*answer)) {
      case SetupAnswer::phased:
      case SetupAnswer::no_phases:
        return Verdict::accepted;
      case SetupAnswer::refused_token:
        return ++refusals_ < enough_ ? Verdict::ask_again : Verdict::refused;
      case SetupAnswer::no_dataset:
        return Verdict::no_dataset;
      case SetupAnswer::unclear:
        break;
    }
    return Verdict::unknown;
  }

  /// How long to wait before it is asked again: longer each time.
  std::chrono::seconds pause() const { return std::chrono::seconds(refusals_); }
  const Error& refusal() const { return refusal_; }
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }
  const RequestGate::Moment& moment() const { return moment_; }

 private:
  Error refusal_;
  std::optional<std::chrono::seconds> retry_after_;
  RequestGate::Moment moment_;
  unsigned enough_;
  unsigned refusals_ = 0;  ///< in a row
};

}  // namespace sluice
