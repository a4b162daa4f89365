// UploadRun: a failed step: retry, restart from the beginning, or fail.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/seconds.h"
#include "engine/base/units.h"
#include "engine/upload/upload_run.h"
#include "io/random.h"

namespace sluice {
void UploadRun::failed(Error error, std::optional<std::chrono::seconds> retry_after) {
  const bool chunk = request().step == Request::Step::chunk;
  // The cause of a failed setup also makes a chunk fail that is pipelined behind it, which would
  // count against pipelining.
  if (request().step == Request::Step::begin) sender_.begin_alone();
  // A chunk that is retried at once, and that the server turns out to have, is followed by the next
  // one without a seek(): blocks of it that are not read would keep their buffers for ever.
  const bool at_once = sender_.is_due_to_pipelining(error);
  sender_.cancel_pipelined();
  if (registration_.is_due_to_join(request().step, error, steady_now())) {
    ask_first(registration_.ask_parts_later(steady_now()));
    return;
  }
  if (error.kind == ErrorKind::token_refused) {
    check_token_refusal(std::move(error), retry_after);
    return;
  }
  if (chunk && error.code == 413 && error.retryable && too_large(request().payload.size())) {
    setting_.protocol->limit_chunk(planner_.bound());
    if (request().payload.size() <= setting_.protocol->least_chunk()) {
      finish(Report::Status::failed, messages_.chunk_below_minimum(request()));
      return;
    }
    payload_.cancel();
    try_again();
    return;
  }
  if (at_once && error.retryable) {  // the request before it succeeded: no endless loop
    payload_.cancel();
    try_again();
    return;
  }
  if (chunk && setting_.protocol->keeps_parts_of_chunks()) {
    if (error.kind == ErrorKind::unreachable) planner_.chunk_broke_at(request().payload.begin);
  } else if (chunk) {
    planner_.chunk_failed();
  }
  retry_step(std::move(error), retry_after);
}

void UploadRun::retry_step(Error error, std::optional<std::chrono::seconds> retry_after) {
  const bool unsafe = registers(request().step) && registration_.state().may_be_registered() &&
                      !setting_.protocol->can_ask_registered();
  retry({.error = std::move(error), .retry_after = retry_after, .is_unsafe_to_repeat = unsafe},
        &UploadRun::try_again);
}

void UploadRun::retry(Recovery::Failure failure, void (UploadRun::*what)()) {
  failure.may_be_registered = registration_.state().may_be_registered();
  failure.can_resume = record_ != nullptr;
  const auto now = steady_now();
  Recovery::Decision decision = recovery_.decide(
      std::move(failure), now, std::uniform_real_distribution<double>(0, 1)(random_bits()));
  switch (decision.action) {
    case Recovery::Action::fail:
      finish(Report::Status::failed, std::move(decision.error));
      return;
    case Recovery::Action::renew_token:
      tokens_.refuse(std::move(decision.error));
      look_for_token();
      return;
    case Recovery::Action::retry:
      break;
  }
  say(LogLevel::warning,
      fmt::format("{}; retrying in {:.1f} s (retry {} of {})",
                  tokens_.redacted(std::move(decision.error.message)),
                  in_seconds(decision.at - now), decision.failures, decision.retries));
  payload_.cancel();  // frees the buffers for other uploads
  later(UploadState::waiting_to_retry, decision.at, what);
}

bool UploadRun::too_large(std::uint64_t payload) {
  if (!planner_.too_large(payload)) return false;
  say(LogLevel::warning,
      fmt::format("the server refused a chunk of {} of {} as too large (HTTP 413); sending chunks "
                  "of at most {} from now on",
                  format_size(payload), file_, format_size(planner_.bound())));
  return true;
}

void UploadRun::try_again() {
  setting_.protocol->recover();
  next_step();
}

void UploadRun::later(UploadState wait, Clock::time_point when, void (UploadRun::*what)()) {
  enter(wait);
  http().post_at(when, [self = shared_from_this(), wait, what] {
    if (self->state_ != wait) return;
    self->enter(UploadState::deciding);
    ((*self).*what)();
  });
}

bool UploadRun::ready_to_begin() {
  const bool was_sent = setting_.earlier && (setting_.earlier->entry.hashed_blocks > 0 ||
                                             !setting_.earlier->entry.upload_url.empty());
  if (sent_any_ || was_sent) {
    if (!recovery_.may_start_over()) {
      finish(Report::Status::failed, messages_.bytes_lost(recovery_.losses()));
      return false;
    }
    // A part may be in the journal before the server has created its upload: nothing is lost then.
    const bool had_address = setting_.earlier && !setting_.earlier->entry.upload_url.empty();
    if (sent_any_ || had_address || !setting_.protocol->keeps_parts_of_chunks())
      say(LogLevel::warning,
          fmt::format("the server has lost all bytes of {}; restarting from the beginning", file_));
    payload_.stop();
    if (record_) record_->start_over();
    digest_.start_over();
    sent_file_.start_over();
    registration_.start_over();
    setting_.earlier.reset();
    recovery_.forget_earlier_run(setting_.request.server.remembered);
    sent_any_ = false;
    committed_ = 0;
    resumed_from_ = 0;
  }
  // Read the first blocks while the server handles the setup.
  if (!payload_.stands_at(0)) payload_.seek(0);
  return true;
}

void UploadRun::say(LogLevel level, const std::string& text) const {
  if (setting_.log) setting_.log(level, text);
}

}  // namespace sluice
