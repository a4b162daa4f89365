#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/secret.h"
#include "io/result.h"

namespace sluice {

/// The tokens of one upload: the current token, the earlier tokens, and the replacement of a
/// refused token. Reads no clock. One thread at a time.
class Tokens {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Setting {
    Secret first;
    bool is_accepted = false;  ///< the server has accepted `first` for the dataset
    /// UploadRequest::renew_token; empty for none.
    std::function<std::optional<Secret>()> renew = {};
    std::chrono::seconds wait{0};  ///< UploadRequest::token_wait
  };

  explicit Tokens(Setting setting)
      : renew_(std::move(setting.renew)),
        wait_(setting.wait),
        all_{std::move(setting.first)},
        is_accepted_(setting.is_accepted) {}

  const Secret& current() const { return all_.back(); }
  /// Whether the server has accepted the current token.
  bool is_accepted() const { return is_accepted_; }
  void accept() { is_accepted_ = true; }
  /// Records that a request with the current token succeeded: the next refusal gets the whole wait
  /// again.
  void succeed() {
    is_accepted_ = true;
    deadline_.reset();
  }

  /// Records that the server refuses the current token. Call renew() next.
  void refuse(Error refusal) { refusal_ = std::move(refusal); }
  const Error& refusal() const { return *refusal_; }

  enum class Renewal {
    renewed,     ///< current() is a new token, not accepted yet
    first_wait,  ///< no new token yet; the wait begins, and the caller logs a warning
    wait,        ///< no new token yet; call renew() again at look_at()
    none,        ///< no new token, and the wait has ended
  };
  /// Looks for a new token: calls Setting::renew, if it is set.
  Renewal renew(Time now);
  /// Returns when to call renew() again after `first_wait` or `wait`.
  Time look_at(Time now) const;
  std::chrono::seconds wait() const { return wait_; }

  /// Returns `text` with every token and every unprintable character replaced. Tokens of less than
  /// 8 characters are not replaced: they are no secret, and would match parts of sluice's own
  /// words.
  std::string redacted(std::string text) const;

 private:
  const std::function<std::optional<Secret>()> renew_;
  const std::chrono::seconds wait_;
  std::vector<Secret> all_;  ///< the last one is current; servers may still quote the others
  bool is_accepted_;
  std::optional<Error> refusal_;
  std::optional<Time> deadline_;  ///< end of the wait for a new token; empty while there is none
};

}  // namespace sluice
