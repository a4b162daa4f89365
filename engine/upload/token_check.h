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

/// Asks the server whether it really refuses a token, after it has answered so to a request
/// (TokenDoubt). The network thread's.
class TokenCheck {
 public:
  struct Finding {
    TokenDoubt::Verdict verdict = TokenDoubt::Verdict::unknown;
    TokenDoubt doubt;          ///< what was doubted
    bool is_answered = false;  ///< the server, or something in front of it, has answered
    bool is_late = false;      ///< there was no answer in time
  };

  TokenCheck(std::string base_url, std::string dataset)
      : base_url_(std::move(base_url)), dataset_(std::move(dataset)) {}

  /// A request was refused so.
  void doubt(TokenDoubt doubt) { doubt_ = std::move(doubt); }
  /// Asks about `token`. `on_finding` is called with what that came to; TokenDoubt::ask_again: ask
  /// again after pause(). It keeps alive what has to be.
  void ask(Transport& transport, const Secret& token, std::function<void(Finding)> on_finding);
  std::chrono::seconds pause() const { return doubt_->pause(); }
  /// Cancels the question, if one is in flight; on_finding is called later.
  void cancel(Transport& transport);

 private:
  const std::string base_url_;
  const std::string dataset_;
  std::optional<TokenDoubt> doubt_;
  Transport::ExchangeId question_ = 0;  ///< 0: none is in flight
};

}  // namespace sluice
