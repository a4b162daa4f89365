#include "engine/upload/upload_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/base/clock.h"

namespace sluice {

void UploadRun::prepare() {
  enter(UploadState::preparing);
  setting_.preparation->begin(
      http(),
      [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->note_prepared();
      },
      [weak = weak_from_this()](Preparation::Outcome outcome) {
        if (const auto self = weak.lock()) self->prepared(std::move(outcome));
      });
}

void UploadRun::note_prepared() {
  committed_ = progress().committed;
  if (record_) record_->committed(committed_);
}

void UploadRun::prepared(Preparation::Outcome outcome) {
  if (is_over()) return;
  enter(UploadState::deciding);
  note_prepared();
  // Either may have been set while the answer to the last part arrived.
  if (file_error_) {
    finish(Report::Status::failed, *file_error_);
  } else if (cancelled_) {
    interrupt();
  } else if (outcome.failure) {
    finish(outcome.failure->status, outcome.failure->error);
  } else {
    setting_.protocol->join(std::move(outcome.parts));
    next_step();
  }
}

void UploadRun::checked() {
  // In state `starting`, the starting thread may still use sent_file_.
  if (state_ == UploadState::starting || is_over() || !sent_file_.was_read()) return;
  if (auto failure = sent_file_.failure(); failure && !registration_.state().is_confirmed()) {
    // Do not send the rest of the file, which may be terabytes.
    file_error_ = std::move(failure);
    if (registration_.state().has_inherited_doubt() && registration_.state().may_be_registered())
      file_error_->message +=
          "; the earlier content of the file may be registered; " + messages_.doubt();
    if (setting_.preparation && setting_.preparation->is_running())
      setting_.preparation->cancel();
    else if (sender_.is_busy())
      sender_.cancel();
    else
      finish(Report::Status::failed, *file_error_);
    return;
  }
  if (!registration_.state().is_confirmed() && !setting_.preparation && !sent_file_.was_reopened())
    sent_file_.note();
  if (state_ == UploadState::sending)
    sender_.resume_front();  // its end may be held back
  else if (state_ == UploadState::waiting_for_file)
    next_step();
}

void UploadRun::enter(UploadState next) {
  assert(may_follow(state_, next));
  state_ = next;
}

void UploadRun::next_step() {
  if (is_over()) return;
  enter(UploadState::deciding);
  take_step();
  leave_turn();
}

void UploadRun::take_step() {
  std::optional<Request> request =
      setting_.protocol->next(next_length(setting_.protocol->committed()));
  if (!request) {
    // Missing digests are needed only for the receipt.
    if (setting_.part) {  // a part is not registered
      finish(Report::Status::registered, {});
      return;
    }
    registration_.confirm();
    if (const Result<bool> known = sent_file_.has_digests(); known && !*known) {
      enter(UploadState::waiting_for_file);
      return;
    }
    finish(Report::Status::registered, {});
    return;
  }
  if (setting_.request.dry_run && request->step != Request::Step::ask_name) {
    finish(Report::Status::skipped, {});
    return;
  }
  if (!may_send(request->step) || !has_turn() || !made_ready(*request)) return;
  if (request->step == Request::Step::chunk && !checksums_.add_to(*request)) {
    checksums_.hold(*std::move(request));
    enter(UploadState::waiting_for_checksum);
    send_checksummed();
    return;
  }
  send(*std::move(request));
}

bool UploadRun::has_turn() {
  if (load_.take_turn([self = shared_from_this()] { self->next_step(); })) return true;
  enter(UploadState::waiting_for_turn);
  payload_.cancel();  // frees the buffers for uploads that may send
  return false;
}

void UploadRun::leave_turn() {
  if (load_.is_waiting() || checksums_.is_holding() || sender_.is_busy()) return;
  load_.leave_turn();
}

bool UploadRun::made_ready(const Request& request) {
  switch (request.step) {
    case Request::Step::ask_name:
    case Request::Step::ask_committed:
    case Request::Step::ask_parts:
    case Request::Step::join:
      return true;
    case Request::Step::whole:
      if (!payload_.stands_at(0)) payload_.seek(0);
      return true;
    case Request::Step::begin:
      return ready_to_begin();
    case Request::Step::chunk:
      if (payload_.stands_at(request.payload.begin)) return true;
      if (!digest_.knows(request.payload.begin / setting_.block_bytes)) {
        // The server has lost blocks whose checksums are forgotten already.
        setting_.protocol->start_over();
        next_step();
        return false;
      }
      payload_.seek(request.payload.begin);
      return true;
    case Request::Step::finish:
      return ready_to_finish();
  }
  return true;
}

void UploadRun::send(Request request) {
  switch (request.step) {
    case Request::Step::ask_name:
    case Request::Step::finish:
    case Request::Step::join:
      break;
    case Request::Step::whole:
    case Request::Step::chunk:
      sent_any_ = true;
      [[fallthrough]];
    case Request::Step::begin:  // its bytes count once the server has returned the upload's address
      begin_interval();
      break;
    case Request::Step::ask_committed:
    case Request::Step::ask_parts:
      break;
  }
  registration_.sent(request.step, steady_now());
  connection_choice_.choose(request, steady_now() - begun_at_);
  enter(UploadState::sending);
  sender_.send(std::move(request));
}

void UploadRun::on_answer(Result<Answer> result) {
  if (is_over()) return;
  enter(UploadState::deciding);
  load_.answered(result);
  answered(std::move(result));
  leave_turn();
}

void UploadRun::on_unreadable(const Error& error) {
  file_error_ = error;
}

void UploadRun::on_too_large(std::uint64_t payload) {
  too_large(payload);
}

void UploadRun::on_pipelining_refused() {
  if (record_) record_->lookahead_refused();
}

void UploadRun::answered(Result<Answer> result) {
  const Request& request = this->request();
  const Request::Step step = request.step;
  if (result) connection_choice_.learn(*result);
  const bool in_doubt =
      registers(step) && registration_.answered(sender_.front()->handed_at, result, steady_now());
  if (!result && setting_.protocol->is_registered()) {
    try_again();  // the failed request only asked for the name
    return;
  }
  if (!result) {
    if (file_error_)
      finish(Report::Status::failed, *file_error_);
    else if (cancelled_ || result.error().kind == ErrorKind::interrupted)
      interrupt();
    else if (sender_.front()->body->error())
      finish(Report::Status::failed, *sender_.front()->body->error());
    else
      failed(messages_.failed(request, std::move(result).error()), {});
    return;
  }
  if (Result<void> read = setting_.protocol->read_answer(*result); !read) {
    Error error = std::move(read).error();
    // Known only here: the server had the whole request and may have registered the file.
    if (in_doubt && !setting_.protocol->can_ask_registered()) {
      error.retryable = false;
      error.message += "; " + messages_.doubt();
    }
    failed(std::move(error), result->retry_after);
    return;
  }
  if (step == Request::Step::begin && request.payload.size() > 0 &&
      setting_.protocol->upload_url().empty()) {
    say(LogLevel::info,
        fmt::format("{}: the server refused the bytes that the request carried (HTTP {}); creating "
                    "the upload without them",
                    messages_.step(request), result->status));
    next_step();
    return;
  }
  confirmed(request);
  if (!sender_.advance()) {
    next_step();
    return;
  }
  sent_any_ = true;
  enter(UploadState::sending);
}

void UploadRun::confirmed(const Request& request) {
  const Request::Step step = request.step;
  const bool with_bytes = step == Request::Step::begin && request.payload.size() > 0;
  tokens_.succeed();
  const std::uint64_t committed = setting_.protocol->committed();
  switch (step) {
    case Request::Step::ask_name:
      if (!setting_.protocol->is_registered()) break;
      // The server holds all bytes, and is not asked for their number any more.
      if (!sent_any_) resumed_from_ = setting_.size();  // an earlier run sent them
      committed_ = setting_.size();
      if (record_) record_->committed(setting_.size());
      break;
    case Request::Step::ask_parts:
      break;
    case Request::Step::begin:
      sent_any_ = sent_any_ || with_bytes;
      if (committed > 0)
        chunk_committed(committed);
      else
        begin_interval();
      // The chunk behind the setup request had to wait for it, so the rate so far is wrong.
      planner_.setup_ended();
      if (!record_) break;
      record_->upload_url(setting_.protocol->upload_url());
      // An upload of a single block cannot be resumed. Its journal entry is written with the
      // registration, which saves one write for each of thousands of small files.
      if (!setting_.protocol->keeps_parts_of_chunks() || setting_.size() > setting_.block_bytes)
        record_->begin();
      break;
    case Request::Step::chunk:
      // Fewer bytes if the server kept a part of the chunk; none if the upload was gone.
      if (committed > request.payload.begin) chunk_committed(committed - request.payload.begin);
      break;
    case Request::Step::ask_committed:
      if (setting_.earlier && !setting_.preparation && resumed_from_ == 0 &&
          planner_.chunks() == 0 && committed > 0) {
        resumed_from_ = committed;
        say(LogLevel::info, fmt::format("resuming {} at offset {}", file_, committed));
      }
      break;
    case Request::Step::join:
      if (record_) record_->upload_url(setting_.protocol->upload_url());
      break;
    case Request::Step::whole:
      planner_.count_whole();
      committed_ = committed;
      break;
    case Request::Step::finish:
      break;
  }
  if (step == Request::Step::ask_committed) planner_.found_offset(committed);
  if (step == Request::Step::chunk || step == Request::Step::ask_committed || with_bytes) {
    committed_ = committed;
    recovery_.committed(committed);
    digest_.forget_before(committed, setting_.block_bytes);
    if (record_) record_->committed(committed);
  }
}

std::uint64_t UploadRun::next_length(std::uint64_t begin) const {
  return planner_.length(begin, setting_.protocol->committed(), setting_.protocol->least_chunk());
}

void UploadRun::begin_interval() {
  planner_.begin_interval(steady_now(), times_.idle_s());
}

void UploadRun::chunk_committed(std::uint64_t bytes) {
  const std::optional<std::uint64_t> limit =
      planner_.committed(bytes, sender_.front()->was_ahead, steady_now(), times_.idle_s());
  if (limit && record_) record_->chunk_limit(*limit);
}

}  // namespace sluice
