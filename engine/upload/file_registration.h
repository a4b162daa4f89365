#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/http/messages.h"
#include "engine/journal/upload_record.h"
#include "engine/protocol/protocol.h"
#include "engine/upload/join_wait.h"
#include "engine/upload/registration.h"
#include "engine/upload/registration_journal.h"
#include "engine/upload/sent_file.h"
#include "io/result.h"

namespace sluice {

/// The registration of one file, and the join of its parts before it: when the requests may be
/// sent, and what their answers mean. Combines the rules (Registration, JoinWait) with the facts
/// that they need: the journal (RegistrationJournal), the file (SentFile) and the protocol. Sends
/// nothing and reads no clock. Network thread only.
class FileRegistration {
 public:
  using Time = Registration::Time;

  struct Setting {
    std::string file;                 ///< for messages
    const Protocol& protocol;         ///< outlives this
    SentFile& sent_file;              ///< outlives this
    std::chrono::seconds longest{0};  ///< maximum duration of a registration or a join
  };

  explicit FileRegistration(const Setting& setting);

  /// Whether the server may have registered the file.
  const Registration& state() const { return state_; }
  /// Sets the journal's record of the upload; without this call there is no journal.
  void use(std::shared_ptr<UploadRecord> record) { journal_.use(std::move(record)); }
  /// Records that an earlier run sent the registration, at `when` or shortly after, that its answer
  /// is unknown, and that the journal says so. Call before the first request.
  void inherit_doubt(Time when);
  /// Records that the upload restarts from the beginning, in the journal as well.
  void start_over() { doubt_is_in_journal_ = false; }
  /// Records that the server has confirmed the registration.
  void confirm() { state_.confirm(); }

  struct Decision {
    enum class Next {
      send,       ///< the request may be sent
      ask_name,   ///< ask first whether the name is registered: Protocol::ask_registered()
      ask_parts,  ///< ask first for the parts: the server may still be joining them
    };
    Next next = Next::send;
    std::optional<Time> at = {};  ///< when to ask; empty: now
  };
  /// Decides whether a request of `step` may be sent at `now`.
  Decision before(Request::Step step, Time now);
  /// Records that a request of `step` is sent at `now`.
  void sent(Request::Step step, Time now);
  /// Records the answer to a request that registers the file. `handed_at`: when its last byte was
  /// handed to the network; empty if that did not happen. Returns whether this request may have
  /// registered the file without a confirmation.
  bool answered(std::optional<Time> handed_at, const Result<Answer>& answer, Time now);

  /// Whether `error`, of a request of `step`, only means that the server is still joining the
  /// parts.
  bool is_due_to_join(Request::Step step, const Error& error, Time now) const;
  /// When to ask for the parts again.
  Decision ask_parts_later(Time now) const;
  /// Returns true on the first call only: the caller then logs that the server may be joining.
  bool is_first_wait_for_join() { return join_.is_first_wait(); }
  std::chrono::seconds longest() const { return join_.wait(); }

  /// Whether the `finish` request may be sent.
  struct Readiness {
    enum class State {
      ready,
      reads_file,      ///< SentFile reads the file; its on_read follows
      writes_journal,  ///< the journal stores that the file is about to be registered
      file_failed,     ///< the file changed, or a digest differs from the expected one
      journal_failed,  ///< the journal cannot be written; may be tried again
    };
    State state = State::ready;
    std::optional<Error> error = {};  ///< of file_failed and journal_failed
  };
  /// Checks that the file equals the bytes sent and has the expected digests, and writes to the
  /// journal that it is about to be registered.
  Readiness ready_to_finish();
  /// The same for the last bytes of a `whole` request. Returns false while the file is read or the
  /// journal is written. Errors: those of SentFile and RegistrationJournal.
  Result<bool> ready_to_end_whole();
  /// Whether the journal stores, or is about to store, that the file is about to be registered.
  bool is_noted() const { return journal_.is_noted(); }
  /// If the file may be registered and the journal could not store that, or there is none: how long
  /// the server may continue the registration.
  std::optional<std::chrono::seconds> unknown_to_later_runs() const;

 private:
  bool join_is_open(Time now) const {
    return join_.is_open(setting_.protocol.may_be_joining(), now);
  }

  const Setting setting_;
  Registration state_;
  JoinWait join_;
  RegistrationJournal journal_;
  bool doubt_is_in_journal_ = false;  ///< from an earlier run
  /// The last request was ask_name: of several questions in a row, the time of the first counts.
  bool asks_name_ = false;
};

}  // namespace sluice
