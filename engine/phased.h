#pragma once

#include "engine/protocol.h"
#include "engine/secret.h"

namespace sluice {

/// The phased protocol (specification; protocol section 1): setup, transfers, verify.
///
///     asking -> setting_up -> sending -> confirming -> verifying -> registered
///                          \-> verifying (empty file)
///
///  - asking: setup without filesize, which touches nothing (1.5).
///  - sending: previous_size is a compare-and-append (1.2); a 200 can carry an error (1.1).
///  - confirming: a transfer with previous_size=-1 is always refused and tells how many bytes the
///  server
///    holds (1.3). verify compares nothing (1.6), so it is sent only after the server has said that
///    it holds exactly the file's bytes. An empty file has no transfers (1.10): setup made it,
///    empty.
///  - verifying: sent once, as a second one registers the file twice (1.6).
class Phased final : public Protocol {
 public:
  /// `token`: only so that it can be kept out of what is quoted from a server, who may echo it.
  explicit Phased(Deposit deposit, Secret token = {});

  std::string_view name() const override { return "phased"; }
  std::optional<Request> next(std::uint64_t chunk_bytes) override;
  Result<void> read_answer(const Answer& answer) override;
  std::uint64_t committed() const override { return committed_; }
  std::string doubt() const override;

 private:
  enum class State { asking, setting_up, sending, confirming, verifying, registered };

  Request request(Request::Step step, std::string_view phase) const;
  std::string quoted(const std::string& text) const;
  Error not_understood(const Answer& answer) const;
  /// The answers that mean the same at every step; nothing if it is none of them.
  std::optional<Error> common_error(const Answer& answer) const;
  /// Adds doubt() to an error that leaves a sent verify undecided.
  void add_doubt(Error& error) const;
  Result<void> read_name_answer(const Answer& answer);
  Result<void> read_setup_answer(const Answer& answer);
  Result<void> read_chunk_answer(const Answer& answer);
  Result<void> chunk_committed();
  Result<void> read_committed_answer(const Answer& answer);
  Result<void> read_verify_answer(const Answer& answer);

  const Deposit deposit_;
  const Secret token_;
  State state_ = State::asking;
  Request::Step step_ = Request::Step::ask_name;  ///< of the request that is out
  ByteRange chunk_;                               ///< of the request that is out
  std::uint64_t committed_ = 0;
};

}  // namespace sluice
