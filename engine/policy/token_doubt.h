#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "engine/policy/request_gate.h"
#include "engine/protocol/setup_question.h"
#include "io/result.h"

namespace sluice {

/// The decision whether a token is really refused, after the server answered 401, or the phased
/// generation's 500. Today's server checks the token of a tus request by an HTTP request to itself,
/// so a server that restarts or has no free thread answers 401 to a good token. The answers to a
/// SetupQuestion, which the server answers without a request to itself, decide:
///
///     answer                       verdict
///     ---------------------------  -----------------------------------------------------------
///     the token is accepted        accepted: the step is retried, with backoff
///     the token is refused         ask_again, a little later: the server may be restarting
///     the same, often enough       refused
///     no such dataset              no_dataset
///     none, or a front server's    unknown: the step is retried, with backoff
///
/// A pure policy. One thread at a time.
class TokenDoubt {
 public:
  enum class Verdict { accepted, ask_again, refused, no_dataset, unknown };

  /// `refusal`: the error of the refused request. `retry_after`: its Retry-After. `moment`: when
  /// the answer arrived. `worked`: whether the server has accepted the token before. Two
  /// consecutive refusals decide; five if the token has worked and the answer was the 500, which
  /// the phased generation also sends for its own errors.
  TokenDoubt(Error refusal, std::optional<std::chrono::seconds> retry_after,
             const RequestGate::Moment& moment, bool worked)
      : refusal_(std::move(refusal)),
        retry_after_(retry_after),
        moment_(moment),
        enough_(worked && refusal_.code == 500 ? 5 : 2) {}

  /// Returns the verdict after the answer to one SetupQuestion.
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

  /// Returns the delay before the question is repeated: one second per refusal.
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
