// How a request of an UploadRun travels: from its exchange's start, through what its body may give
// away when, to its answer.
#include <algorithm>
#include <utility>

#include "engine/base/clock.h"
#include "engine/upload/upload_run.h"

namespace sluice {

std::shared_ptr<Flight> UploadRun::take_off(Request what) {
  const auto flight = std::make_shared<Flight>(std::move(what));
  Flight* const raw = flight.get();
  flight->body.emplace(
      flight->request, payload_,
      StreamedRequest::Hooks{
          .on_read = [this, raw](StreamedRequest::Gave gave) { body_was_read(*raw, gave); },
          .cleared = [this](std::uint64_t offset) { return cleared(offset); },
          .may_end = [this, raw] { return may_end(*raw); },
          .may_rewind =
              [this, raw] {
                if (flight_.get() != raw) return false;
                // It may have kept some of them: asking is cheaper than to be refused at the end.
                // What a lost creation kept is of no use.
                if (setting_.protocol->keeps_parts_of_chunks())
                  return raw->request.step == Request::Step::begin;
                if (raw->was_held) blame_lookahead(Error{ErrorKind::unreachable, "closed"}, true);
                abandon_ahead();  // they lose what they have taken already
                return true;
              }});
  const Request& request = flight->request;
  if (request.payload.size() > 0) payload_.claim(request.payload.end);
  Exchange exchange;
  exchange.method = request.method;
  exchange.url = request.url.empty() ? setting_.request.base_url + request.path : request.url;
  exchange.headers = request.headers;
  exchange.headers.push_back("Authorization: Token token=" + tokens_.back().reveal());
  exchange.body_size = request.body_size();
  if (request.body_size() > 0) exchange.body = &*flight->body;
  exchange.connection = request.connection;
  exchange.patience = setting_.response_timeout.count() > 0
                          ? std::max(setting_.response_timeout, request.least_patience)
                          : request.patience;
  times_.change(flight->at, TransferTimes::At::sending);
  flight->at = TransferTimes::At::sending;
  flight->out = true;
  turn_.sent();
  flight->exchange =
      http().start(exchange, [self = shared_from_this(), flight](Result<Answer> result) {
        self->landed(flight, std::move(result));
      });
  return flight;
}

void UploadRun::body_was_read(Flight& flight, StreamedRequest::Gave gave) {
  using At = TransferTimes::At;
  At at = At::sending;
  switch (gave) {
    case StreamedRequest::Gave::bytes:
    case StreamedRequest::Gave::throttled:
      break;
    case StreamedRequest::Gave::nothing:
      at = payload_.waiting_for() == Window::Waiting::check ? At::checksum : At::read;
      break;
    case StreamedRequest::Gave::gated:
      at = At::journal;
      break;
    case StreamedRequest::Gave::all:
      flight.handed_at = steady_now();
      flight.answered_before = times_.answer_s();
      at = At::answer;
      break;
    case StreamedRequest::Gave::held:
      at = held_for(flight);
      break;
  }
  times_.change(flight.at, at);
  flight.at = at;
  publish_stages();
  if (record_) record_->blocks_passed();
  if (!look_ahead_posted_ && may_look_ahead()) {
    look_ahead_posted_ = true;  // curl calls this, and must not be called back
    http().post([self = shared_from_this()] {
      self->look_ahead_posted_ = false;
      self->look_ahead();
    });
  }
}

void UploadRun::wake() {
  if (woken_.exchange(true)) return;
  http().post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->woken_ = false;
    if (self->flight_) self->http().resume(self->flight_->exchange);
    for (const auto& flight : self->ahead_) self->http().resume(flight->exchange);
    self->look_ahead();
    self->send_checksummed();
    self->hash_ahead();
    if (self->waits_for_journal_ && self->record_->knows_of_verifying()) {
      self->waits_for_journal_ = false;
      self->times_.change(TransferTimes::At::journal, TransferTimes::At::nothing);
      self->next_step();
    }
  });
}

std::uint64_t UploadRun::cleared(std::uint64_t offset) {
  if (!record_ || !setting_.protocol->keeps_parts_of_chunks()) return ~std::uint64_t{0};
  const std::uint64_t arrived = payload_.arrived();
  // What is not there yet is for read() to say.
  return arrived <= offset ? ~std::uint64_t{0} : record_->durable_up_to(offset, arrived);
}

bool UploadRun::may_end(const Flight& flight) {
  if (&flight != flight_.get()) return false;  // the one in front of it is not confirmed yet
  const auto fail = [&](const Error& error) {
    file_error_ = error;
    http().post([&thread = http(), id = flight.exchange] { thread.cancel(id); });
    return false;
  };
  if (file_error_) return false;
  if (flight.request.step == Request::Step::whole && !verifying_noted_) {
    const Result<bool> as_sent = file_is_as_sent();
    if (!as_sent) return fail(as_sent.error());
    if (!*as_sent) return false;
    const Result<bool> expected = digests_as_expected();
    if (!expected) return fail(expected.error());
    if (!*expected) return false;
    verifying_noted_ = true;
    if (record_) record_->verifying();
  }
  if (!record_) return true;
  switch (flight.request.step) {
    case Request::Step::chunk:
      return record_->durable(flight.request.payload.end);
    case Request::Step::whole:
      if (const auto knows = record_->knows_of_verifying(); !knows || !*knows)
        return knows ? fail(without_journal(knows->error())) : false;
      return record_->durable(flight.request.payload.end) && record_->written();
    case Request::Step::finish:
      return record_->written();
    default:
      return true;
  }
}

TransferTimes::At UploadRun::held_for(const Flight& flight) const {
  if (&flight != flight_.get()) return TransferTimes::At::answer;  // to the chunk in front of it
  // may_end() asks the journal last.
  const bool checked = flight.request.step != Request::Step::whole || verifying_noted_;
  return record_ && checked ? TransferTimes::At::journal : TransferTimes::At::checksum;
}

void UploadRun::landed(const std::shared_ptr<Flight>& flight, Result<Answer> result) {
  flight->out = false;
  times_.change(flight->at, TransferTimes::At::nothing);
  flight->at = TransferTimes::At::nothing;
  publish_stages();
  if (flight->abandoned || over_) return;
  if (flight != flight_) {
    ended_early(flight, result);
    return;
  }
  // It was its end that waited; what comes next looks for itself. Otherwise the check would send
  // the step once more beside the retry that is due.
  waits_for_check_ = false;
  note_load(result);
  if (result) {
    lookahead_.answered(*result);
    if (flight->handed_at) times_.answered(flight->answered_before, *result);
  }
  answered(std::move(result));
  leave_turn();
}

}  // namespace sluice
