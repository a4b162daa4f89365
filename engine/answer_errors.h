#pragma once

#include <optional>
#include <string>

#include "engine/protocol.h"
#include "engine/registration_answer.h"
#include "engine/secret.h"

namespace sluice {

/// What answers mean that mean the same in every protocol, as errors about one file: a refused
/// token, a dataset that is not there, a front server's own words. Pure but for the token.
class AnswerErrors {
 public:
  /// `protocol`: "phased", as sentences name it. `token`: only so that it can be kept out of what
  /// is quoted from a server, who may echo it.
  AnswerErrors(const Deposit& deposit, std::string protocol, Secret token);

  void replace_token(const Secret& token) { token_ = token; }

  /// Fit to show, without the token.
  std::string quoted(const std::string& text) const;

  /// `how`: what the server did, "401".
  Error token_refused(const Answer& answer, Request::Step step, const char* how,
                      bool retryable) const;
  Error no_such_dataset(const Answer& answer) const;
  Error not_understood(const Answer& answer, Request::Step step, bool retryable) const;

  /// The answer to a registration that does not say `registered`: the Data Bank's refusal, or
  /// doubt, which is of kind `failed`. Not retryable.
  Error not_registered(const Answer& answer, Request::Step step,
                       RegistrationAnswer::Verdict verdict) const;

  /// 401; 3xx; 413, 408, 429 and 502 to 504; nothing for any other. `proven`: the server has
  /// answered in the protocol before, so that a redirect may be a front server's that has lost it
  /// for a moment.
  std::optional<Error> common(const Answer& answer, Request::Step step, bool proven) const;

  /// "sending a chunk for 'scan.h5'"
  std::string doing(Request::Step step) const;

 private:
  const std::string dataset_;
  const std::string name_;
  const std::string protocol_;
  Secret token_;
};

/// An error that came with an answer.
Error error_of(ErrorKind kind, const Answer& answer, std::string message, bool retryable = false);

}  // namespace sluice
