// When an UploadRun may register its file, and what it makes of a registration whose answer was
// lost.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/clock.h"
#include "engine/http/fresh_connection.h"
#include "engine/protocol/registration_answer.h"
#include "engine/upload/upload_run.h"

namespace sluice {
bool UploadRun::registers(Request::Step step) const {
  return step == Request::Step::finish || step == Request::Step::whole;
}

void UploadRun::note_round_trip(const Answer& answer) {
  if (!answer.network) return;
  const auto least = answer.network->least_round_trip.count() > 0 ? answer.network->least_round_trip
                                                                  : answer.network->round_trip;
  if (least.count() > 0) round_trip_ = std::min(round_trip_.value_or(least), least);
}

void UploadRun::choose_connection(Request& request) const {
  if (request.connection != Request::Connection::recent) return;
  const bool tls = setting_.request.base_url.starts_with("https:");
  if (is_new_connection_cheap(round_trip_, tls, steady_now() - begun_at_))
    request.connection = Request::Connection::fresh;
}

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
  if (!record_) return true;
  if (!std::exchange(verifying_noted_, true)) record_->verifying();
  // Whoever goes on asks a server that can be asked; and the journal may say so from the start.
  if (setting_.protocol->can_ask_registered() ||
      (registration_.has_inherited_doubt() && setting_.earlier))
    return true;
  const std::optional<Result<void>> knows = record_->knows_of_verifying();
  if (!knows) {
    enter(UploadState::waiting_for_journal);
    times_.change(TransferTimes::At::nothing, TransferTimes::At::journal);
    return false;
  }
  if (*knows) return true;
  verifying_noted_ = false;
  retry({.error = without_journal(knows->error())}, &UploadRun::next_step);
  return false;
}

Error UploadRun::without_journal(Error error) const {
  error.message = fmt::format(
      "cannot register {} before the journal is written, because the next run would register "
      "the file a second time: {}",
      file_, error.message);
  error.scope = Error::Scope::run;
  return error;
}

bool UploadRun::register_answered(const Result<Answer>& result) {
  const bool noted = std::exchange(verifying_noted_, false);
  const bool refused = result && refuses_registration(*result);
  const bool in_doubt = registration_.answered(sender_.front()->handed_at, refused, steady_now());
  // The wait for a retry or for another token may be long, and may not be survived.
  if (noted && !registration_.may_be_registered() && record_) record_->not_verifying();
  return in_doubt;
}

bool UploadRun::may_register(Request::Step step) {
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
