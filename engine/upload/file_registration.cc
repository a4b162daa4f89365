#include "engine/upload/file_registration.h"

#include <utility>

#include "engine/protocol/registration_answer.h"

namespace sluice {

FileRegistration::FileRegistration(const Setting& setting)
    : setting_(setting),
      state_({.can_ask = setting.protocol.can_ask_registered(), .wait = setting.longest}),
      join_(setting.longest),
      journal_(setting.file) {}

void FileRegistration::inherit_doubt(Time when) {
  state_.inherit_doubt(when);
  doubt_is_in_journal_ = true;
}

FileRegistration::Decision FileRegistration::before(Request::Step step, Time now) {
  if (step == Request::Step::join && join_is_open(now)) return ask_parts_later(now);
  const Registration::Decision decision = state_.before(step, now);
  switch (decision.next) {
    case Registration::Next::send:
      break;
    case Registration::Next::ask_now:
      return {Decision::Next::ask_name};
    case Registration::Next::ask_later:
      return {Decision::Next::ask_name, decision.at};
  }
  return {};
}

void FileRegistration::sent(Request::Step step, Time now) {
  const bool asked_before = std::exchange(asks_name_, step == Request::Step::ask_name);
  if (asks_name_ && !asked_before) state_.name_asked(now);
  if (registers(step)) {
    state_.sent();
    // The time in the journal is that of the earlier registration: too early for the wait.
    if (setting_.protocol.can_ask_registered()) doubt_is_in_journal_ = false;
  }
  if (step == Request::Step::join) join_.sent(now);
}

bool FileRegistration::answered(std::optional<Time> handed_at, const Result<Answer>& answer,
                                Time now) {
  const bool refused = answer && refuses_registration(*answer);
  const bool in_doubt = state_.answered(handed_at, refused, now);
  journal_.answered(state_.may_be_registered());
  return in_doubt;
}

bool FileRegistration::is_due_to_join(Request::Step step, const Error& error, Time now) const {
  if (step != Request::Step::ask_parts || !join_is_open(now)) return false;
  return error.code == 423 ||  // locked
         (!error.retryable && setting_.protocol.anew() == Protocol::Anew::what_is_missing);
}

FileRegistration::Decision FileRegistration::ask_parts_later(Time now) const {
  return {Decision::Next::ask_parts, join_.ask_at(now)};
}

FileRegistration::Readiness FileRegistration::ready_to_finish() {
  using State = Readiness::State;
  Result<bool> checked = setting_.sent_file.is_as_sent();
  if (checked && *checked) checked = setting_.sent_file.has_digests();
  if (checked && *checked) checked = setting_.sent_file.has_expected_digests();
  if (!checked) return {State::file_failed, std::move(checked).error()};
  if (!*checked) return {State::reads_file};
  journal_.note();
  // Over phased, a full disk does not end an upload: a later run asks the server.
  if (setting_.protocol.can_ask_registered() || doubt_is_in_journal_) return {};
  Result<bool> written = journal_.has_written();
  if (!written) return {State::journal_failed, std::move(written).error()};
  return {*written ? State::ready : State::writes_journal};
}

Result<bool> FileRegistration::ready_to_end_whole() {
  if (!journal_.is_noted()) {
    TRY_ASSIGN(bool checked, setting_.sent_file.is_as_sent());
    if (checked) {
      TRY_ASSIGN(checked, setting_.sent_file.has_expected_digests());
    }
    if (!checked) return false;
    journal_.note();
  }
  return journal_.has_written();
}

std::optional<std::chrono::seconds> FileRegistration::unknown_to_later_runs() const {
  if (!state_.may_be_registered() || doubt_is_in_journal_ || !journal_.has_failed()) return {};
  return longest();
}

}  // namespace sluice
