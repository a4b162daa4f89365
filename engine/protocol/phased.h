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
///  - asking: sends a setup without filesize, which changes nothing (1.5), for each name under
///    which the server may store the file (engine/protocol/stored_names.h). If a name is taken, the
///    upload fails, because a taken name would later make the answer to asking_registered
///    meaningless. A new upload asks only for the names that setup does not check. Setup itself
///    refuses the file's own name before it changes anything, so an upload with a single possible
///    name begins with setting_up.
///  - sending: previous_size makes each transfer a compare-and-append (1.2). A 200 can carry an
///    error (1.1). Chunks may be pipelined (1.7).
///  - finding: a transfer with previous_size=-1 is always refused, and the refusal tells how many
///    bytes the server holds (1.3). After any failure, sending resumes from that offset. The
///    question also follows the last chunk, because verify compares nothing (1.6): verify is sent
///    only after the server has said that it holds exactly the file's bytes. An empty file has no
///    transfers (1.10): setup creates it.
///  - verifying: a second verify registers the file twice (1.6). So after any response but the Data
///    Bank's own refusal, asking_registered asks whether one of the names is now taken. If the
///    staged file is missing then, the server may be registering it. So the caller must ask again
///    until the registration must have ended, before it allows setting_up
///    (engine/upload/registration.h).
///  - naming: asks which name is taken, because the server may have stored the file under another
///    name than its response repeats. The file counts as registered, whatever the response.
///  - setting_up: deletes everything that is staged (1.4), so it never resumes an upload. It is
///    used for a new upload, and after the server has said that nothing is staged.
///
/// Has more functions than other classes: 13 are Protocol's, the others build or read one message
/// each.
class Phased final : public Protocol {
 public:
  /// Which names a new upload asks for before setup.
  enum class Asks { names_that_setup_does_not_check, all_names };

  /// `token`: only for removing the token from quoted responses, because a server may repeat the
  /// token. `earlier`: what an earlier run left; the server may hold its bytes. nullopt for a new
  /// upload.
  /// `proven`: the server has spoken phased before, also in another run. A response that does not
  /// belong to the protocol then comes from a reverse proxy, and is a transient error.
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
  /// The states of the class comment.
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

  /// Returns a request with the form fields of `step`. `phase`: setup, transfer or verify. `chunk`:
  /// the bytes of the file in the payload.
  Request request(Request::Step step, std::string_view phase, ByteRange chunk = {}) const;
  /// Returns the error for a response that does not belong to this protocol.
  Error not_understood(const Answer& answer) const;
  /// Interprets a response for which common_error() returned nullopt. Each function read_*_answer()
  /// does so for one state.
  Result<void> read_step(const Answer& answer);
  /// Returns the error of a response that means the same at every step, or nullopt.
  std::optional<Error> common_error(const Answer& answer);
  /// Records that the staged bytes are gone, and returns the retryable error. recover() then starts
  /// over.
  Error staging_lost(const Answer& answer);
  /// Advances asked_ to the next name. Returns false, with asked_ at the first name, after the last
  /// one.
  bool next_name();
  /// Enters State::registered; the server has stored the file as `name`.
  void registered_as(const std::string& name);
  /// Returns the error for a taken name: the file's own, or the changed form names_[asked_].
  Error name_taken(const Answer& answer) const;
  Result<void> read_name_answer(const Answer& answer);
  void read_naming_answer(const Answer& answer);
  Result<void> read_setup_answer(const Answer& answer);
  Result<void> read_chunk_answer(const Answer& answer);
  /// Advances committed_ to the end of chunk_.
  Result<void> chunk_committed();
  Result<void> read_committed_answer(const Answer& answer);
  Result<void> read_verify_answer(const Answer& answer);

  const Deposit deposit_;
  /// The names under which the server may store the file; the first is the file's own.
  const std::vector<std::string> names_;
  AnswerErrors errors_;
  State state_;
  std::size_t asked_ = 0;  ///< index in names_ of the name in the current or next question
  std::string registered_name_;
  bool resumed_;  ///< an earlier run may have staged bytes: find them before setting up
  Request::Step step_ = Request::Step::ask_name;  ///< of the request in flight
  ByteRange chunk_;                               ///< of the request in flight
  std::uint64_t committed_ = 0;
  /// The bytes of this upload that any run may have sent. The server cannot hold more.
  std::uint64_t sent_ = 0;
  /// The bytes the server says it holds, if fewer than it had acknowledged: committed_ after
  /// recover().
  std::optional<std::uint64_t> fell_back_to_;
  bool nothing_staged_ = false;  ///< the server said so; recover() sets up again
  bool speaks_phased_ = false;   ///< the server has sent a response of this protocol
};

}  // namespace sluice
