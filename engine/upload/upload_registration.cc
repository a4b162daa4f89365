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
namespace {

using namespace std::chrono_literals;

/// How long a server may still be at a verify whose answer was lost: it goes on without us, and
/// another one in that time would register the file twice. 200 MB/s is what it may copy at.
std::chrono::seconds time_to_register(std::uint64_t size) {
  return 30s + std::chrono::seconds(size / 200'000'000);
}

}  // namespace

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
  TRY_ASSIGN(const bool as_sent, file_is_as_sent());
  if (!as_sent) return false;
  TRY_ASSIGN(const bool known, digests_known());
  if (!known) return false;
  TRY_ASSIGN(const bool expected, digests_as_expected());
  if (!expected) return false;
  return journal_knows();
}

bool UploadRun::journal_knows() {
  if (!record_) return true;
  if (!std::exchange(verifying_noted_, true)) record_->verifying();
  // Whoever goes on asks a server that can be asked; and the journal may say so from the start.
  if (setting_.protocol->can_ask_registered() || (began_in_doubt_ && setting_.earlier)) return true;
  const std::optional<Result<void>> knows = record_->knows_of_verifying();
  if (!knows) {
    if (!std::exchange(waits_for_journal_, true))
      times_.change(TransferTimes::At::nothing, TransferTimes::At::journal);
    return false;
  }
  if (*knows) return true;
  verifying_noted_ = false;
  retry(without_journal(knows->error()), {}, &UploadRun::next_step);
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
  // No server acts on a part of a request.
  const bool complete = flight_->handed_at.has_value();
  const bool refused = result && refuses_registration(*result);
  const bool in_doubt = complete && !refused;
  finish_sent_ = in_doubt || began_in_doubt_;
  // The wait for a retry or for another token may be long, and may not be survived.
  if (noted && !finish_sent_ && record_) record_->not_verifying();
  if (!setting_.protocol->can_ask_registered()) return in_doubt;
  if (refused)
    settled_.reset();
  else if (complete)
    settled_ = std::max(*flight_->handed_at + register_wait(),
                        steady_now() + std::min<std::chrono::seconds>(30s, register_wait()));
  return in_doubt;
}

bool UploadRun::settled(Request::Step step) {
  using Step = Request::Step;
  if (!settled_ || step == Step::ask_name || step == Step::ask_committed) return true;
  const auto now = steady_now();
  if (now < *settled_) {
    const auto pause = std::max<Clock::duration>(1s, register_wait() / 30);
    later(std::min(*settled_, now + pause), &UploadRun::ask_registered);
    return false;
  }
  // It may have ended between the last answer that the name is free and now.
  if (name_asked_ < *settled_) {
    ask_registered();
    return false;
  }
  settled_.reset();
  finish_sent_ = false;
  return true;
}

void UploadRun::ask_registered() {
  setting_.protocol->ask_registered();
  next_step();
}

std::chrono::seconds UploadRun::register_wait() const {
  return setting_.register_wait.value_or(time_to_register(setting_.source->identity().size));
}

}  // namespace sluice
