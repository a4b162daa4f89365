#pragma once

#include "engine/base/secret.h"
#include "engine/protocol/answer_errors.h"
#include "engine/protocol/protocol.h"

namespace sluice {

/// The one-shot form (protocol section 3): the whole file and its registration in one request.
/// There is no resume, and a lost answer is ambiguous, so it is sent again only where the server
/// cannot have had all of it.
class OneShot final : public Protocol {
 public:
  /// Bytes (protocol section 3).
  static constexpr std::uint64_t most_bytes = std::uint64_t{4} << 30;

  /// `page`: where a person can look, for messages.
  OneShot(Deposit deposit, std::string page, Secret token);

  /// Error usage for what cannot go this way: too large, or a name that servers read differently
  /// (a quote, a backslash or a percent sign within the header of a form's part).
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
