// UploadRun: which bytes may be sent when, and what waits for that.
#include <algorithm>
#include <utility>

#include "engine/upload/upload_run.h"

namespace sluice {

std::shared_ptr<void> UploadRun::keep_alive() {
  return shared_from_this();
}

Exchange UploadRun::make_exchange(const Request& request) {
  load_.sent();
  Exchange exchange;
  exchange.method = request.method;
  exchange.url = request.url.empty() ? setting_.request.base_url + request.path : request.url;
  exchange.headers = request.headers;
  exchange.headers.push_back("Authorization: Token token=" + tokens_.current().reveal());
  exchange.connection = request.connection;
  exchange.response_timeout =
      setting_.response_timeout.count() > 0
          ? std::max(setting_.response_timeout, request.least_response_timeout)
          : request.response_timeout;
  return exchange;
}

void UploadRun::on_progress() {
  publisher_.publish(http(), weak_from_this());
}

void UploadRun::on_body_read() {
  if (record_) record_->blocks_passed();
}

void UploadRun::wake() {
  if (woken_.exchange(true)) return;
  http().post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->woken();
  });
}

void UploadRun::woken() {
  woken_ = false;
  sender_.resume_all();
  sender_.fill();
  send_checksummed();
  compute_next_checksum();
  if (state_ == UploadState::waiting_for_journal && record_->knows_of_verifying()) {
    times_.change(TransferTimes::At::journal, TransferTimes::At::nothing);
    next_step();
  }
}

void UploadRun::compute_next_checksum() {
  if (state_ != UploadState::sending || !checksums_.is_on() ||
      request().step != Request::Step::chunk)
    return;
  const std::uint64_t begin = request().payload.end;
  const std::uint64_t left = setting_.size() - begin;
  checksums_.compute({begin, begin + std::min(next_length(begin), left)});
}

void UploadRun::send_checksummed() {
  if (state_ != UploadState::waiting_for_checksum) return;
  if (std::optional<Request> ready = checksums_.take_ready()) {
    enter(UploadState::deciding);
    send(*std::move(ready));
  } else if (payload_.error()) {
    finish(Report::Status::failed, *payload_.error());
  }
}

std::uint64_t UploadRun::cleared(std::uint64_t offset) {
  if (!record_ || !setting_.protocol->keeps_parts_of_chunks()) return ~std::uint64_t{0};
  const std::uint64_t arrived = payload_.arrived();
  // PayloadStream::read() reports bytes that have not arrived yet.
  return arrived <= offset ? ~std::uint64_t{0} : record_->durable_up_to(offset, arrived);
}

bool UploadRun::may_end(const Flight& flight) {
  const auto fail = [&](const Error& error) {
    file_error_ = error;
    http().post([&thread = http(), id = flight.exchange] { thread.cancel(id); });
    return false;
  };
  if (file_error_) return false;
  if (flight.request.step == Request::Step::whole) {
    const Result<bool> ready = registration_.ready_to_end_whole();
    if (!ready) return fail(ready.error());
    if (!*ready) return false;  // checked() or woken() resumes it
  }
  if (!record_) return true;
  switch (flight.request.step) {
    case Request::Step::chunk:
      return record_->durable(flight.request.payload.end);
    case Request::Step::whole:
      return record_->durable(flight.request.payload.end) && record_->written();
    case Request::Step::finish:
      return record_->written();
    default:
      return true;
  }
}

TransferTimes::At UploadRun::held_for(const Flight& flight) const {
  // may_end() checks the journal last.
  const bool checked = flight.request.step != Request::Step::whole || registration_.is_noted();
  return record_ && checked ? TransferTimes::At::journal : TransferTimes::At::checksum;
}

}  // namespace sluice
