#pragma once

#include <string>
#include <vector>

#include "engine/base/secret.h"
#include "engine/protocol/answer_errors.h"
#include "engine/protocol/protocol.h"

namespace sluice {

/// The phased protocol (specification; protocol section 1): setup, transfers, verify.
///
///     new:       asking -> setting_up -> sending -> finding -> verifying -> naming -> registered
///                             ^    \-> verifying     |  ^          |
///                             |       (empty file)   |  |          | in doubt
///     resumed:   asking ------|--------------------->+  |          v
///     resumed while verifying:|----------------------|--|-> asking_registered -> registered
///                             +----------------------+  +----------+ all names are free
///                              nothing is staged any more
///
///  - asking: setup without filesize, which touches nothing (1.5), for each name that the server
///    may store the file under (engine/protocol/stored_names.h). One that is taken ends the upload:
///    what asking_registered finds later would say nothing. A new upload asks for the names that
///    its setup does not check: setup refuses the file's own name, where it is taken, before it
///    touches anything. So a file with one name begins with setting_up.
///  - sending: previous_size is a compare-and-append (1.2); a 200 can carry an error (1.1). Chunks
///    may travel ahead (1.7).
///  - finding: a transfer with previous_size=-1 is always refused and tells how many bytes the
///    server holds (1.3). It decides where sending goes on after anything went wrong, and since
///    verify compares nothing (1.6), it also comes after the last chunk: verify is sent only after
///    the server has said that it holds exactly the file's bytes. An empty file has no transfers
///    (1.10): setup made it, empty.
///  - verifying: a second verify registers the file twice (1.6). So after any answer but the Data
///    Bank's own refusal, asking_registered asks whether one of the names is taken by now. A staged
///    file that is gone then may be gone into the registration: whoever drives this waits until
///    that is settled, and asks again, before setting_up (UploadRun::settled()).
///  - naming: the server may have stored the file under another name than its answer repeats: asks
///    which one is taken. Whatever comes of it, the file is registered.
///  - setting_up deletes all that is staged (1.4), so it is never a way to resume: only for a new
///    upload, and where the server has said that nothing is staged.
class Phased final : public Protocol {
 public:
  /// Names that are asked for before a new upload is set up.
  enum class Asks { names_that_setup_does_not_check, all_names };

  /// `token`: only so that it can be kept out of what is quoted from a server, who may echo it.
  /// `earlier`: there was a run before, whose bytes the server may hold. `proven`: the server has
  /// spoken phased before, to whoever asked; what does not belong to the protocol comes from
  /// something in front of it then, and passes.
  explicit Phased(Deposit deposit, Secret token = {}, std::optional<Resumption> earlier = {},
                  Asks asks = Asks::names_that_setup_does_not_check, bool proven = false);

  std::string_view name() const override { return "phased"; }
  std::optional<Request> next(std::uint64_t chunk_bytes) override;
  std::optional<Request> after(const Request& last, std::uint64_t chunk_bytes) const override;
  void follows(const Request& request) override;
  Result<void> read_answer(const Answer& answer) override;
  void recover() override;
  void start_over() override;
  void ask_registered() override;
  void replace_token(const Secret& token) override { errors_.replace_token(token); }
  std::uint64_t committed() const override { return committed_; }
  bool is_registered() const override;
  std::string registered_name() const override { return registered_name_; }
  std::string doubt() const override;

 private:
  enum class State {
    asking,
    setting_up,
    sending,
    finding,
    verifying,
    asking_registered,
    naming,
    registered
  };

  Request request(Request::Step step, std::string_view phase, ByteRange chunk = {}) const;
  Error not_understood(const Answer& answer) const;
  Result<void> read_step(const Answer& answer);
  /// The answers that mean the same at every step; nothing if it is none of them.
  std::optional<Error> common_error(const Answer& answer);
  /// What was staged is gone; the machine starts over where it is told to recover().
  Error staging_lost(const Answer& answer);
  /// The next name to be asked for, if there is one.
  bool next_name();
  void registered_as(const std::string& name);
  Error name_taken(const Answer& answer) const;
  Result<void> read_name_answer(const Answer& answer);
  void read_naming_answer(const Answer& answer);
  Result<void> read_setup_answer(const Answer& answer);
  Result<void> read_chunk_answer(const Answer& answer);
  Result<void> chunk_committed();
  Result<void> read_committed_answer(const Answer& answer);
  Result<void> read_verify_answer(const Answer& answer);

  const Deposit deposit_;
  const std::vector<std::string>
      names_;  ///< that the server may store it under; the first is its own
  AnswerErrors errors_;
  State state_;
  std::size_t asked_ = 0;  ///< of names_: what the question that is out, or comes next, is about
  std::string registered_name_;
  bool resumed_;  ///< what is staged is to be found before it is set up
  Request::Step step_ = Request::Step::ask_name;  ///< of the request that is out
  ByteRange chunk_;                               ///< of the request that is out
  std::uint64_t committed_ = 0;
  std::uint64_t sent_ = 0;  ///< no byte behind this one was ever sent
  /// What the server said it holds, less than it had confirmed: where recover() goes on.
  std::optional<std::uint64_t> fell_back_to_;
  bool nothing_staged_ = false;  ///< so the server said; recover() sets up again
  bool speaks_phased_ = false;   ///< the server has given an answer of the protocol
};

}  // namespace sluice
