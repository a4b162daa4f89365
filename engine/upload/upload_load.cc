// How an UploadRun heeds what its server can take at a time (engine/policy/request_gate.h).
#include <fmt/format.h>

#include "engine/upload/upload_run.h"

namespace sluice {

bool UploadRun::has_turn() {
  if (turn_.take([self = shared_from_this()] { self->next_step(); })) return true;
  enter(UploadState::waiting_for_turn);
  payload_.give_up();  // its buffers are for those that may send
  return false;
}

void UploadRun::leave_turn() {
  if (turn_.is_waiting() || checksums_.is_holding() || sender_.is_busy()) return;
  turn_.leave();
}

void UploadRun::note_load(const Result<Answer>& result) {
  load_moment_ = turn_.answered();
  if (!result) {
    // One that was not sent completely, or for which there was no connection, says nothing of the
    // server's threads; nor does a phased one, which may be waiting for the server's storage.
    if (result.error().code == Transport::unanswered &&
        setting_.gate_rule == RequestGate::Rule::queues)
      overloaded(load_moment_, "timed out", RequestLimit::Overload::unanswered);
    return;
  }
  const int status = result->status;
  if (status == 429 || (status == 503 && result->retry_after))
    overloaded(load_moment_, fmt::format("HTTP {}", status));
  else if (status < 400)
    turn_.succeeded();
}

void UploadRun::overloaded(const RequestGate::Moment& moment, const std::string& why,
                           RequestLimit::Overload overload) {
  if (!turn_.overloaded(moment, overload)) return;
  say(LogLevel::warning,
      setting_.gate_rule == RequestGate::Rule::queues
          ? fmt::format("{} is overloaded by {} requests at a time ({}); sending at most {} at a "
                        "time from now on",
                        setting_.request.base_url, moment.in_flight, why, turn_.limit())
          : fmt::format("{} is overloaded by {} uploads at a time ({}); no more than {} should run "
                        "at a time",
                        setting_.request.base_url, moment.in_flight, why, turn_.limit()));
}

}  // namespace sluice
