// What an UploadRun does when a step fails: wait and try again, start over, or give up; and how it
// says so.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/seconds.h"
#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/upload/termination.h"
#include "engine/upload/upload_run.h"
#include "io/random.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Statuses that a server in front of the Data Bank answers while the Data Bank is away, besides
/// those that say so.
bool is_refusal(int status) {
  return status == 400 || status == 403 || status == 404 || status == 405 || status == 410;
}

/// The last of them, and the others once it was answered.
void carry_out_next(Transport& http, const std::shared_ptr<std::vector<Exchange>>& exchanges) {
  if (exchanges->empty()) return;
  const Exchange next = std::move(exchanges->back());
  exchanges->pop_back();
  http.start(next, [&http, exchanges](const Result<Answer>&) { carry_out_next(http, exchanges); });
}

}  // namespace

void UploadRun::failed(Error error, std::optional<std::chrono::seconds> retry_after) {
  const bool chunk = flight_->request.step == Request::Step::chunk;
  // What breaks a setup also breaks a chunk that travels with it, and lookahead would be blamed.
  if (flight_->request.step == Request::Step::begin) begins_alone_ = true;
  // Where a chunk is tried again at once, what of it nobody has read would hold its buffers for ever
  // if the server turns out to have the chunk: the next one begins where the stream stands.
  const bool at_once = due_to_lookahead(error);
  abandon_ahead();
  if (is_due_to_join(error)) {
    ask_parts_later();
    return;
  }
  if (error.kind == ErrorKind::token_refused) {
    doubt_token(std::move(error), retry_after);
    return;
  }
  if (chunk && error.code == 413 && error.retryable && too_large(flight_->request.payload.size())) {
    setting_.protocol->limit_chunk(chunk_sizer_.bound());
    const std::uint64_t least = setting_.protocol->least_chunk();
    if (flight_->request.payload.size() <= least) {
      finish(Report::Status::failed,
             Error{ErrorKind::failed,
                   fmt::format("{}: the server refused a chunk of {} as too large (HTTP 413), but "
                               "discards chunks of less than {}; nothing was registered; tell the "
                               "administrators of the Data Bank",
                               doing(), format_size(flight_->request.payload.size()),
                               format_size(least)),
                   413});
      return;
    }
    payload_.give_up();
    try_again();
    return;
  }
  if (at_once && error.retryable) {  // the one that was in front of it got through: no loop
    payload_.give_up();
    try_again();
    return;
  }
  if (chunk && setting_.protocol->keeps_parts_of_chunks()) {
    if (error.kind == ErrorKind::unreachable) broke_at_ = flight_->request.payload.begin;
  } else if (chunk) {
    chunk_sizer_.failed();
  }
  retry_step(std::move(error), retry_after);
}

void UploadRun::retry_step(Error error, std::optional<std::chrono::seconds> retry_after) {
  // Where nobody can be asked what became of it, a person has to look.
  if (registers(flight_->request.step) && finish_sent_ && !setting_.protocol->can_ask_registered())
    error.retryable = false;
  if (!error.retryable) {
    finish(Report::Status::failed, std::move(error));
    return;
  }
  retry(std::move(error), retry_after, &UploadRun::try_again);
}

void UploadRun::retry(Error error, std::optional<std::chrono::seconds> retry_after,
                      void (UploadRun::*what)()) {
  // A server that was there before will be there again.
  if (error.kind == ErrorKind::unreachable &&
      (setting_.earlier || setting_.request.server.remembered))
    error.most_tries = 0;
  const auto now = steady_now();
  auto when = budget_.next_try(setting_.retry, error, retry_after, now,
                               std::uniform_real_distribution<double>(0, 1)(random_bits()));
  const unsigned failures = budget_.failures();
  // Several in a row are believed, or end the upload, and a deployment takes seconds.
  if (when && is_refusal(error.code))
    when = std::max(*when, now + std::min<Clock::duration>(1s, setting_.retry.longest));
  if (!when && error.kind == ErrorKind::token_refused) {
    token_error_ = std::move(error);
    look_for_token();
    return;
  }
  if (!when) {
    if (failures > 1)
      error.message += fmt::format("; gave up after {} attempts without progress", failures);
    if (!finish_sent_) error.message += "; nothing was registered";
    // What can be resumed is run again anyway.
    if (error.kind == ErrorKind::unreachable && !finish_sent_ && !record_)
      error.message += "; try again later";
    finish(Report::Status::failed, std::move(error));
    return;
  }
  ++retries_;
  say(LogLevel::warning,
      fmt::format("{}; retrying in {:.1f} s ({} of {})", redacted(std::move(error.message)),
                  in_seconds(*when - now), failures, setting_.retry.retries));
  payload_.give_up();  // its buffers are for the other uploads meanwhile
  later(*when, what);
}

bool UploadRun::too_large(std::uint64_t payload) {
  if (!chunk_sizer_.too_large(payload)) return false;
  say(LogLevel::warning,
      fmt::format("the server refused a chunk of {} of {} as too large (HTTP 413); sending chunks "
                  "of at most {} from now on",
                  format_size(payload), file_, format_size(chunk_sizer_.bound())));
  was_too_large_ = true;
  return true;
}

void UploadRun::try_again() {
  setting_.protocol->recover();
  next_step();
}

void UploadRun::later(Clock::time_point when, void (UploadRun::*what)()) {
  http().post_at(when, [self = shared_from_this(), what] {
    if (!self->over_) ((*self).*what)();
  });
}

void UploadRun::drop_abandoned() {
  if (!setting_.request.server.tus.has("termination")) return;
  // Each expires if nobody hears this. One at a time: the server's threads are for the upload.
  const auto exchanges = std::make_shared<std::vector<Exchange>>();
  for (const std::string& url : setting_.abandoned)
    exchanges->push_back(termination(url, tokens_.back()));
  carry_out_next(http(), exchanges);
}

bool UploadRun::begin_anew() {
  const bool was_sent = setting_.earlier && (setting_.earlier->entry.hashed_blocks > 0 ||
                                             !setting_.earlier->entry.upload_url.empty());
  if (sent_any_ || was_sent) {
    if (const unsigned losses = budget_.start_over(); losses > setting_.retry.retries + 1) {
      finish(Report::Status::failed,
             Error{ErrorKind::integrity,
                   fmt::format("cannot upload {}: the server lost the bytes sent to it {} times; "
                               "nothing was registered; tell the administrators of the Data Bank",
                               file_, losses)});
      return false;
    }
    // A part is in the journal before the server has made an upload of it.
    const bool had_address = setting_.earlier && !setting_.earlier->entry.upload_url.empty();
    if (sent_any_ || had_address || !setting_.protocol->keeps_parts_of_chunks())
      say(LogLevel::warning,
          fmt::format("the server has lost all bytes of {}; restarting from the beginning", file_));
    payload_.stop();
    if (record_) record_->start_over();
    digest_.start_over();
    if (check_) {
      check_->cancel();
      retired_check_ = std::move(check_);
    }
    setting_.earlier.reset();
    sent_any_ = false;
    committed_ = 0;
    resumed_from_ = 0;
  }
  // The first blocks are read while the server sets up.
  if (!payload_.stands_at(0)) payload_.seek(0);
  return true;
}

Error UploadRun::explain(Error error) const {
  if (error.kind == ErrorKind::interrupted) {
    // Servers that store a chunk while it arrives have about the bytes that were sent.
    const std::uint64_t offset =
        setting_.protocol->keeps_parts_of_chunks() ? progress().sent : committed_.load();
    error.message =
        fmt::format("the upload of {} was interrupted at offset {}; {}", file_, offset,
                    finish_sent_ ? setting_.protocol->doubt() : "nothing was registered");
    return error;
  }
  const std::string from = error.kind == ErrorKind::unreachable
                               ? fmt::format("no response from {}: ", setting_.request.base_url)
                               : std::string();
  error.message = fmt::format("{}: {}{}", doing(), from, error.message);
  if (finish_sent_ && !setting_.protocol->can_ask_registered())
    error.message += "; " + setting_.protocol->doubt();
  else if (!finish_sent_ && !error.retryable)  // else retry() says so at the end
    error.message += "; nothing was registered";
  return error;
}

std::string UploadRun::doing() const {
  const Request& request = flight_->request;
  return describe(
      request.step, file_,
      request.step == Request::Step::chunk ? std::optional(request.payload.begin) : std::nullopt,
      request.method);
}

std::string UploadRun::redacted(std::string text) const {
  // The protocol quotes without the token; this is for what curl quotes of a server. A short token
  // is no secret, and would be found in our own words.
  for (const Secret& token : tokens_)
    if (token.reveal().size() >= 8) text = token.redact(std::move(text));
  return printable(text);  // io/ names files as they are
}

void UploadRun::say(LogLevel level, const std::string& text) const {
  if (setting_.log) setting_.log(level, text);
}

}  // namespace sluice
