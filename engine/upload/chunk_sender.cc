#include "engine/upload/chunk_sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/clock.h"

namespace sluice {
namespace {

/// The time in which the end of a connection becomes known after a request was handed over: a round
/// trip and the time to send what the socket has buffered.
constexpr auto close_noticed_within = std::chrono::seconds(1);

}  // namespace

void ChunkSender::send(Request request) {
  front_ = start(std::move(request));
}

std::shared_ptr<Flight> ChunkSender::start(Request request) {
  auto flight = std::make_shared<Flight>(std::move(request));
  flight->body.emplace(flight->request, setting_.payload, hooks(flight.get()));
  if (flight->request.payload.size() > 0) setting_.payload.claim(flight->request.payload.end);
  Exchange exchange = setting_.owner.make_exchange(flight->request);
  exchange.body_size = flight->request.body_size();
  if (exchange.body_size > 0) exchange.body = &*flight->body;
  set_stage(*flight, TransferTimes::At::sending);
  flight->out = true;
  flight->exchange =
      transport().start(exchange, [this, alive = setting_.owner.keep_alive(), flight](
                                      Result<Answer> result) { ended(flight, std::move(result)); });
  return flight;
}

StreamedRequest::Hooks ChunkSender::hooks(Flight* flight) {
  return {.on_read = [this, flight](StreamedRequest::Gave gave) { body_was_read(*flight, gave); },
          .cleared = [this](std::uint64_t offset) { return setting_.owner.cleared(offset); },
          // The end of a pipelined chunk is held back until the chunk becomes the front request.
          .may_end = [this,
                      flight] { return flight == front_.get() && setting_.owner.may_end(*flight); },
          .may_rewind = [this, flight] { return may_rewind(*flight); }};
}

void ChunkSender::set_stage(Flight& flight, TransferTimes::At at) {
  setting_.times.change(flight.at, at);
  flight.at = at;
}

bool ChunkSender::may_rewind(const Flight& flight) {
  if (&flight != front_.get()) return false;
  // The server may have kept some of the bytes: asking for the offset is cheaper than sending all
  // bytes again and being refused. Bytes that a lost creation kept cannot be used.
  if (setting_.protocol.keeps_parts_of_chunks()) return flight.request.step == Request::Step::begin;
  if (flight.was_held) blame_pipelining(Error{ErrorKind::unreachable, "closed"}, true);
  cancel_pipelined();  // the rewind moves the payload back before their bytes
  return true;
}

void ChunkSender::body_was_read(Flight& flight, StreamedRequest::Gave gave) {
  using At = TransferTimes::At;
  At at = At::sending;
  switch (gave) {
    case StreamedRequest::Gave::bytes:
    case StreamedRequest::Gave::throttled:
      break;
    case StreamedRequest::Gave::nothing:
      at = setting_.payload.waiting_for() == Window::Waiting::check ? At::checksum : At::read;
      break;
    case StreamedRequest::Gave::gated:
      at = At::journal;
      break;
    case StreamedRequest::Gave::all:
      flight.handed_at = steady_now();
      flight.answered_before = setting_.times.answer_s();
      at = At::answer;
      break;
    case StreamedRequest::Gave::held:
      // A pipelined chunk waits for the answer to the request before it.
      at = &flight == front_.get() ? setting_.owner.held_for(flight) : At::answer;
      break;
  }
  set_stage(flight, at);
  setting_.owner.on_progress();
  setting_.owner.on_body_read();
  if (fill_posted_ || !may_fill()) return;
  fill_posted_ = true;  // curl is the caller, and must not be called from here
  transport().post([this, alive = setting_.owner.keep_alive()] {
    fill_posted_ = false;
    fill();
  });
}

void ChunkSender::ended(const std::shared_ptr<Flight>& flight, Result<Answer> result) {
  flight->out = false;
  set_stage(*flight, TransferTimes::At::nothing);
  setting_.owner.on_progress();
  if (flight->abandoned) return;
  if (flight != front_) {
    pipelined_ended(flight, result);
    return;
  }
  if (result) {
    setting_.planner.answered(*result);
    if (flight->handed_at) setting_.times.answered(flight->answered_before, *result);
  }
  setting_.owner.on_answer(std::move(result));
}

void ChunkSender::cancel() {
  if (is_busy()) transport().cancel(front_->exchange);
}

void ChunkSender::resume_front() {
  if (front_) transport().resume(front_->exchange);
}

void ChunkSender::resume_all() {
  resume_front();
  for (const auto& flight : pipelined_) transport().resume(flight->exchange);
}

std::optional<Answer::Network> ChunkSender::network() const {
  if (!is_busy()) return {};
  return transport().network_of(front_->exchange);
}

bool ChunkSender::may_fill() {
  if (stopped_ || !is_busy()) return false;
  switch (front_->request.step) {
    case Request::Step::chunk:
      break;
    case Request::Step::begin:
      if (front_->request.payload.size() > 0 || setting_.begins_alone) return false;
      break;
    default:
      return false;
  }
  const std::uint64_t last_bytes = last().request.payload.size();
  const unsigned streams =
      setting_.planner.streams(setting_.payload.passed(), last_bytes, steady_now());
  if (pipelined_.size() >= setting_.planner.depth()) return false;
  const std::uint64_t end = last().request.payload.end;
  if (end == setting_.size || !setting_.payload.stands_at(end)) return false;
  const auto sends = [](const std::shared_ptr<Flight>& flight) {
    return !flight->body->is_payload_read();
  };
  const auto sending =
      static_cast<unsigned>(std::count_if(pipelined_.begin(), pipelined_.end(), sends)) +
      (sends(front_) ? 1 : 0);
  if (sending >= streams) return false;
  return sending == 0 || setting_.payload.arrived() > end;
}

void ChunkSender::fill() {
  while (may_fill()) {
    const std::uint64_t length = setting_.planner.length(
        last().request.payload.end, setting_.protocol.committed(), setting_.protocol.least_chunk());
    std::optional<Request> next = setting_.protocol.after(last().request, length);
    if (!next) return;
    pipelined_.push_back(start(*std::move(next)));
    pipelined_.back()->was_ahead = true;
    has_pipelined_ = true;
  }
}

bool ChunkSender::advance() {
  if (pipelined_.empty()) return false;
  front_ = std::move(pipelined_.front());
  pipelined_.pop_front();
  front_->was_held = front_->body->is_payload_read();
  setting_.protocol.follows(front_->request);
  resume_front();
  fill();
  return true;
}

void ChunkSender::cancel_pipelined(std::size_t from) {
  for (std::size_t i = from; i < pipelined_.size(); ++i) {
    Flight& flight = *pipelined_[i];
    flight.abandoned = true;
    flight.body->abandon();
    set_stage(flight, TransferTimes::At::nothing);
    // Posted, because curl may be the caller.
    transport().post([&thread = transport(), id = flight.exchange] { thread.cancel(id); });
  }
  pipelined_.resize(std::min(from, pipelined_.size()));
}

void ChunkSender::stop() {
  stopped_ = true;
  cancel_pipelined();
}

void ChunkSender::pipelined_ended(const std::shared_ptr<Flight>& flight,
                                  const Result<Answer>& result) {
  const bool held = flight->body->is_payload_read();
  cancel_pipelined(static_cast<std::size_t>(
      std::find(pipelined_.begin(), pipelined_.end(), flight) - pipelined_.begin()));
  if (flight->body->error()) {
    // The front request is useless without the rest of the file.
    setting_.owner.on_unreadable(*flight->body->error());
    transport().cancel(front_->exchange);
    return;
  }
  const std::uint64_t size = flight->request.payload.size();
  if (result && result->status == 413 && size > setting_.planner.largest_committed()) {
    setting_.owner.on_too_large(size);
    return;
  }
  const bool first = !front_->blamed;
  blame_pipelining(result, held);
  // Count a connection failure of a pipelined chunk once for each front request.
  if (first && !result && !held && flight->body->bytes_read() > flight->request.head.size())
    setting_.planner.chunk_failed();
}

void ChunkSender::blame_pipelining(const Result<Answer>& result, bool held) {
  if (std::exchange(front_->blamed, true)) return;
  const unsigned before = setting_.planner.depth();
  const auto say = [this](LogLevel level, const std::string& text) {
    if (setting_.log) setting_.log(level, text);
  };
  if (setting_.planner.pipelining_failed(result, held)) {
    setting_.owner.on_pipelining_refused();
    say(LogLevel::warning,
        fmt::format(
            "sending the chunks of {} without pipelining from now on: the server does not wait "
            "for the end of a pipelined chunk{}",
            setting_.file, result ? fmt::format(" (HTTP {})", result->status) : std::string()));
  } else if (before > 0 && setting_.planner.depth() == 0) {
    say(LogLevel::info,
        fmt::format("sending the chunks of {} without pipelining for a while: two pipelined chunks "
                    "failed",
                    setting_.file));
  }
}

bool ChunkSender::is_due_to_pipelining(const Error& error) {
  if (front_->request.step != Request::Step::chunk || error.kind != ErrorKind::unreachable ||
      (!front_->was_ahead && pipelined_.empty()))
    return false;
  // `code` is a CURLcode or an HTTP status. A server that answered with a status other than 408 has
  // processed the chunk, however early the answer came.
  constexpr int least_status = 100;
  const bool timed_out = error.code == 408;
  if (error.code >= least_status && !timed_out) return false;
  // A server that does not wait for the end of a chunk closes the connection, which becomes known
  // as soon as the chunk is the front request. Later, the server had the whole chunk.
  const bool held = front_->was_held && (!front_->handed_at ||
                                         steady_now() - *front_->handed_at < close_noticed_within);
  Answer answer;
  answer.status = error.code;
  blame_pipelining(timed_out ? Result<Answer>(answer) : Result<Answer>(error), held);
  return held;
}

}  // namespace sluice
