#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/secret.h"
#include "io/result.h"

namespace sluice {

/// The tokens of one upload: the one in use, those before it, and how a refused one is replaced. No
/// clock of its own. One thread at a time.
class Tokens {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Setting {
    Secret first;
    bool is_accepted = false;  ///< the server has accepted it for the dataset
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
  /// Whether the server has accepted the current one.
  bool is_accepted() const { return is_accepted_; }
  void accept() { is_accepted_ = true; }
  /// A request with the current one succeeded: the next refusal has the whole wait again.
  void succeed() {
    is_accepted_ = true;
    deadline_.reset();
  }

  /// The server refuses the current one. renewed() is to be called.
  void refuse(Error refusal) { refusal_ = std::move(refusal); }
  const Error& refusal() const { return *refusal_; }

  enum class Renewal {
    renewed,     ///< current() is another one, not accepted yet
    first_wait,  ///< none yet, and the wait begins: the user is to be told
    wait,        ///< none yet: look again at look_at()
    none,        ///< none, and the wait is over
  };
  /// Looks for another token. May call Setting::renew.
  Renewal renew(Time now);
  /// After `first_wait` and `wait`: when to look again.
  Time look_at(Time now) const;
  std::chrono::seconds wait() const { return wait_; }

  /// Returns `text` without any of the tokens, fit to show. A token of less than 8 characters is no
  /// secret, and would be found in sluice's own words.
  std::string redacted(std::string text) const;

 private:
  const std::function<std::optional<Secret>()> renew_;
  const std::chrono::seconds wait_;
  std::vector<Secret> all_;  ///< the last one is in use; the others may still be quoted
  bool is_accepted_;
  std::optional<Error> refusal_;
  std::optional<Time> deadline_;  ///< while a token is waited for
};

}  // namespace sluice
