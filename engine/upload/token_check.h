#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/secret.h"
#include "engine/http/transport.h"
#include "engine/policy/token_doubt.h"
#include "io/result.h"

namespace sluice {

/// A check whether the server really refuses a token, after a request was answered like that
/// (TokenDoubt). Network thread only.
class TokenCheck {
 public:
  /// The result of one question to the server.
  struct Finding {
    TokenDoubt::Verdict verdict = TokenDoubt::Verdict::unknown;
    TokenDoubt doubt;          ///< the refusal in question
    bool is_answered = false;  ///< the server or a reverse proxy has answered
    bool is_late = false;      ///< the question timed out
  };

  TokenCheck(std::string base_url, std::string dataset)
      : base_url_(std::move(base_url)), dataset_(std::move(dataset)) {}

  /// Sets the refusal to check. Call before ask().
  void doubt(TokenDoubt doubt) { doubt_ = std::move(doubt); }
  /// Asks the server about `token`, and calls `on_finding` with the result, on the network thread.
  /// After Verdict::ask_again, call ask() again after pause(). `on_finding` must keep this object
  /// alive.
  void ask(Transport& transport, const Secret& token, std::function<void(Finding)> on_finding);
  std::chrono::seconds pause() const { return doubt_->pause(); }
  /// Cancels the question, if one is in flight. on_finding is called later.
  void cancel(Transport& transport);

 private:
  const std::string base_url_;
  const std::string dataset_;
  std::optional<TokenDoubt> doubt_;
  Transport::ExchangeId question_ = 0;  ///< 0: none is in flight
};

}  // namespace sluice
