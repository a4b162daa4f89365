#pragma once

#include "engine/base/secret.h"
#include "engine/protocol/answer_errors.h"
#include "engine/protocol/protocol.h"

namespace sluice {

/// The binary protocol (protocol section 3): one request carries the whole file and registers it.
/// The protocol has no resume. A lost response leaves the registration in doubt, so the request is
/// repeated only if the server cannot have received all of the file.
class OneShot final : public Protocol {
 public:
  /// The largest file in bytes: 4 GiB (protocol section 3).
  static constexpr std::uint64_t most_bytes = std::uint64_t{4} << 30;

  /// `page`: the URL of the dataset's page, for messages. `token`: only for removing the token from
  /// quoted responses.
  OneShot(Deposit deposit, std::string page, Secret token);

  /// Returns an error of kind `usage` for a file that is too large, and for a name with a quote, a
  /// backslash or a percent sign: servers decode these differently in the header of a form part.
  static Result<void> check(const Deposit& deposit);

  std::string_view name() const override { return "binary"; }
  std::optional<Request> next(std::uint64_t chunk_bytes) override;
  Result<void> read_answer(const Answer& answer) override;
  void recover() override {}
  void start_over() override {}
  void ask_registered() override {}
  void replace_token(const Secret& token) override { errors_.replace_token(token); }
  std::uint64_t committed() const override { return registered_ ? deposit_.size : 0; }
  bool can_ask_registered() const override { return false; }
  bool is_registered() const override { return registered_; }
  std::string registered_name() const override { return registered_name_; }
  std::string doubt() const override;

 private:
  const Deposit deposit_;
  const std::string page_;
  AnswerErrors errors_;
  bool registered_ = false;
  std::string registered_name_;
};

}  // namespace sluice
