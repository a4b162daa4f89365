// UploadRun: when a request that must not be repeated may be sent: the registration of the file,
// and the join of its parts.
#include <fmt/format.h>

#include <utility>

#include "engine/base/clock.h"
#include "engine/upload/upload_run.h"

namespace sluice {

bool UploadRun::may_send(Request::Step step) {
  const FileRegistration::Decision decision = registration_.before(step, steady_now());
  if (decision.next == FileRegistration::Decision::Next::send) return true;
  ask_first(decision);
  return false;
}

void UploadRun::ask_first(const FileRegistration::Decision& decision) {
  const bool parts = decision.next == FileRegistration::Decision::Next::ask_parts;
  if (parts && registration_.is_first_wait_for_join())
    say(LogLevel::warning,
        fmt::format("the server may still be joining the parts of {}; waiting up to {} s before "
                    "another attempt",
                    file_, registration_.longest().count()));
  const auto ask = parts ? &UploadRun::try_again : &UploadRun::ask_registered;
  if (decision.at)
    later(UploadState::waiting_for_server, *decision.at, ask);
  else
    (this->*ask)();
}

void UploadRun::ask_registered() {
  setting_.protocol->ask_registered();
  next_step();
}

bool UploadRun::ready_to_finish() {
  using State = FileRegistration::Readiness::State;
  FileRegistration::Readiness readiness = registration_.ready_to_finish();
  switch (readiness.state) {
    case State::ready:
      return true;
    case State::reads_file:
      enter(UploadState::waiting_for_file);
      return false;
    case State::writes_journal:
      enter(UploadState::waiting_for_journal);
      times_.change(TransferTimes::At::nothing, TransferTimes::At::journal);
      return false;
    case State::file_failed:
      finish(Report::Status::failed, std::move(readiness.error));
      return false;
    case State::journal_failed:
      retry({.error = *std::move(readiness.error)}, &UploadRun::next_step);
      return false;
  }
  return false;
}

}  // namespace sluice
