// UploadRun: when the file may be registered, and what follows a registration whose answer was
// lost.
#include <utility>

#include "engine/base/clock.h"
#include "engine/protocol/registration_answer.h"
#include "engine/upload/upload_run.h"

namespace sluice {

Result<bool> UploadRun::ready_to_finish() {
  TRY_ASSIGN(bool checked, sent_file_.is_as_sent());
  if (checked) {
    TRY_ASSIGN(checked, sent_file_.has_digests());
  }
  if (checked) {
    TRY_ASSIGN(checked, sent_file_.has_expected_digests());
  }
  if (!checked) {
    enter(UploadState::waiting_for_file);
    return false;
  }
  return journal_knows();
}

bool UploadRun::journal_knows() {
  registration_journal_.note();
  // A later run asks the server, if the server can be asked. After an inherited doubt, the journal
  // has this state from the start.
  if (setting_.protocol->can_ask_registered() ||
      (registration_.has_inherited_doubt() && setting_.earlier))
    return true;
  const Result<bool> written = registration_journal_.has_written();
  if (!written) {
    retry({.error = written.error()}, &UploadRun::next_step);
    return false;
  }
  if (*written) return true;
  enter(UploadState::waiting_for_journal);
  times_.change(TransferTimes::At::nothing, TransferTimes::At::journal);
  return false;
}

bool UploadRun::register_answered(const Result<Answer>& result) {
  const bool refused = result && refuses_registration(*result);
  const bool in_doubt = registration_.answered(sender_.front()->handed_at, refused, steady_now());
  registration_journal_.answered(registration_.may_be_registered());
  return in_doubt;
}

bool UploadRun::may_send(Request::Step step) {
  if (step == Request::Step::join && join_is_open()) {
    ask_parts_later();
    return false;
  }
  const Registration::Decision decision = registration_.before(step, steady_now());
  switch (decision.next) {
    case Registration::Next::send:
      return true;
    case Registration::Next::ask_now:
      ask_registered();
      return false;
    case Registration::Next::ask_later:
      later(UploadState::waiting_for_server, decision.at, &UploadRun::ask_registered);
      return false;
  }
  return true;
}

void UploadRun::ask_registered() {
  setting_.protocol->ask_registered();
  next_step();
}

}  // namespace sluice
