// UploadRun: a failed step: retry, restart from the beginning, or fail; and the error messages.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/seconds.h"
#include "engine/base/units.h"
#include "engine/upload/termination.h"
#include "engine/upload/upload_run.h"
#include "io/random.h"

namespace sluice {
namespace {

/// Sends the exchanges one after another, last element first.
void send_in_turn(Transport& http, const std::shared_ptr<std::vector<Exchange>>& exchanges) {
  if (exchanges->empty()) return;
  const Exchange next = std::move(exchanges->back());
  exchanges->pop_back();
  http.start(next, [&http, exchanges](const Result<Answer>&) { send_in_turn(http, exchanges); });
}

}  // namespace

void UploadRun::failed(Error error, std::optional<std::chrono::seconds> retry_after) {
  const bool chunk = request().step == Request::Step::chunk;
  // The cause of a failed setup also makes a chunk fail that is pipelined behind it, which would
  // count against pipelining.
  if (request().step == Request::Step::begin) sender_.begin_alone();
  // A chunk that is retried at once, and that the server turns out to have, is followed by the next
  // one without a seek(): blocks of it that nobody has read would keep their buffers for ever.
  const bool at_once = sender_.is_due_to_pipelining(error);
  sender_.cancel_pipelined();
  if (is_due_to_join(error)) {
    ask_parts_later();
    return;
  }
  if (error.kind == ErrorKind::token_refused) {
    check_token_refusal(std::move(error), retry_after);
    return;
  }
  if (chunk && error.code == 413 && error.retryable && too_large(request().payload.size())) {
    setting_.protocol->limit_chunk(planner_.bound());
    const std::uint64_t least = setting_.protocol->least_chunk();
    if (request().payload.size() <= least) {
      finish(
          Report::Status::failed,
          Error{ErrorKind::failed,
                fmt::format("{}: the server refused a chunk of {} as too large (HTTP 413), but "
                            "discards chunks of less than {}; nothing was registered; tell the "
                            "administrators of the Data Bank",
                            last_step(), format_size(request().payload.size()), format_size(least)),
                413});
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
  const bool unsafe = registers(request().step) && registration_.may_be_registered() &&
                      !setting_.protocol->can_ask_registered();
  retry({.error = std::move(error), .retry_after = retry_after, .is_unsafe_to_repeat = unsafe},
        &UploadRun::try_again);
}

void UploadRun::retry(Recovery::Failure failure, void (UploadRun::*what)()) {
  failure.may_be_registered = registration_.may_be_registered();
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
      fmt::format("{}; retrying in {:.1f} s ({} of {})",
                  redacted(std::move(decision.error.message)), in_seconds(decision.at - now),
                  decision.failures, setting_.retry.retries));
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

void UploadRun::drop_abandoned() {
  if (!setting_.request.server.tus.has("termination")) return;
  // Failures are ignored: the uploads expire anyway. One request at a time, to leave the server's
  // threads to the upload.
  const auto exchanges = std::make_shared<std::vector<Exchange>>();
  for (const std::string& url : setting_.abandoned)
    exchanges->push_back(termination(url, tokens_.current()));
  send_in_turn(http(), exchanges);
}

bool UploadRun::ready_to_begin() {
  const bool was_sent = setting_.earlier && (setting_.earlier->entry.hashed_blocks > 0 ||
                                             !setting_.earlier->entry.upload_url.empty());
  if (sent_any_ || was_sent) {
    if (!recovery_.may_start_over()) {
      finish(Report::Status::failed,
             Error{ErrorKind::integrity,
                   fmt::format("cannot upload {}: the server lost the bytes sent to it {} times; "
                               "nothing was registered; tell the administrators of the Data Bank",
                               file_, recovery_.losses())});
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

Error UploadRun::explain(Error error) const {
  if (error.kind == ErrorKind::interrupted) {
    // A server that stores a chunk while it arrives has about as many bytes as were sent.
    const std::uint64_t offset =
        setting_.protocol->keeps_parts_of_chunks() ? progress().sent : committed_.load();
    error.message = fmt::format(
        "the upload of {} was interrupted at offset {}; {}", file_, offset,
        registration_.may_be_registered() ? setting_.protocol->doubt() : "nothing was registered");
    return error;
  }
  const std::string from = error.kind == ErrorKind::unreachable
                               ? fmt::format("no response from {}: ", setting_.request.base_url)
                               : std::string();
  error.message = fmt::format("{}: {}{}", last_step(), from, error.message);
  if (registration_.may_be_registered() && !setting_.protocol->can_ask_registered())
    error.message += "; " + setting_.protocol->doubt();
  else if (!registration_.may_be_registered() &&
           !error.retryable)  // otherwise Recovery adds that at the end
    error.message += "; nothing was registered";
  return error;
}

std::string UploadRun::last_step() const {
  const Request& last = request();
  return describe(
      last.step, file_,
      last.step == Request::Step::chunk ? std::optional(last.payload.begin) : std::nullopt,
      last.method);
}

std::string UploadRun::redacted(std::string text) const {
  // The protocol quotes the server without the token; curl may quote the server with it.
  return tokens_.redacted(std::move(text));
}

void UploadRun::say(LogLevel level, const std::string& text) const {
  if (setting_.log) setting_.log(level, text);
}

}  // namespace sluice
