// How chunks of an UploadRun travel ahead of the one that is being answered
// (engine/policy/lookahead.h).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/seconds.h"
#include "engine/base/units.h"
#include "engine/upload/upload_run.h"

namespace sluice {
namespace {

/// A round trip and more, of what waits in the socket already.
constexpr auto found_out_within = std::chrono::seconds(1);

}  // namespace

std::uint64_t UploadRun::next_length(std::uint64_t begin) const {
  const std::uint64_t most =
      setting_.chunk_check.algorithm.empty() ? ~std::uint64_t{0} : setting_.chunk_check.most_bytes;
  const std::uint64_t length =
      std::max(std::min(chunk_sizer_.next(begin, setting_.source->identity().size - begin), most),
               setting_.protocol->least_chunk());
  if (chunks_ > 0 || setting_.request.chunk_bytes != 0 || lookahead_.depth() == 0 ||
      setting_.protocol->keeps_parts_of_chunks())
    return length;
  const bool ahead = begin > setting_.protocol->committed();
  return std::min(length, std::max<std::uint64_t>(lookahead_.length_at_first(ahead), 1));
}

bool UploadRun::may_look_ahead() {
  if (over_ || !flight_ || !flight_->out) return false;
  switch (flight_->request.step) {
    case Request::Step::chunk:
      break;
    case Request::Step::begin:
      if (flight_->request.payload.size() > 0 || begins_alone_) return false;
      break;
    default:
      return false;
  }
  const double rate = rate_.look(payload_.passed(), steady_now());
  if (ahead_.size() >= lookahead_.depth()) return false;
  const Flight& last = ahead_.empty() ? *flight_ : *ahead_.back();
  const std::uint64_t end = last.request.payload.end;
  if (end == setting_.source->identity().size || !payload_.stands_at(end)) return false;
  const auto sends = [](const std::shared_ptr<Flight>& flight) {
    return !flight->body->payload_handed();
  };
  const auto sending = static_cast<unsigned>(std::count_if(ahead_.begin(), ahead_.end(), sends)) +
                       (sends(flight_) ? 1 : 0);
  if (sending >= lookahead_.streams(rate, last.request.payload.size())) return false;
  return sending == 0 || payload_.arrived() > end;
}

void UploadRun::look_ahead() {
  while (may_look_ahead()) {
    const Flight& last = ahead_.empty() ? *flight_ : *ahead_.back();
    std::optional<Request> next =
        setting_.protocol->after(last.request, next_length(last.request.payload.end));
    if (!next) return;
    ahead_.push_back(take_off(*std::move(next)));
    ahead_.back()->was_ahead = true;
    looked_ahead_ = true;
  }
}

bool UploadRun::follow() {
  if (ahead_.empty()) return false;
  flight_ = std::move(ahead_.front());
  ahead_.pop_front();
  flight_->was_held = flight_->body->payload_handed();
  sent_any_ = true;
  setting_.protocol->follows(flight_->request);
  http().resume(flight_->exchange);
  look_ahead();
  return true;
}

void UploadRun::abandon_ahead(std::size_t from) {
  for (std::size_t i = from; i < ahead_.size(); ++i) {
    Flight& flight = *ahead_[i];
    flight.abandoned = true;
    flight.body->abandon();
    times_.change(flight.at, TransferTimes::At::nothing);
    flight.at = TransferTimes::At::nothing;
    // Not at once: this may be called by curl.
    http().post([&thread = http(), id = flight.exchange] { thread.cancel(id); });
  }
  ahead_.resize(std::min(from, ahead_.size()));
}

void UploadRun::ended_early(const std::shared_ptr<Flight>& flight, const Result<Answer>& result) {
  const bool held = flight->body->payload_handed();
  abandon_ahead(
      static_cast<std::size_t>(std::find(ahead_.begin(), ahead_.end(), flight) - ahead_.begin()));
  if (flight->body->error()) {
    // What is in front of it needs not be sent.
    file_error_ = flight->body->error();
    http().cancel(flight_->exchange);
    return;
  }
  const std::uint64_t size = flight->request.payload.size();
  if (result && result->status == 413 && size > largest_committed_) {
    too_large(size);
    return;
  }
  const bool first = !flight_->blamed;
  blame_lookahead(result, held);
  // What broke where nothing else was wrong: once for the chunk in front.
  if (first && !result && !held && flight->body->handed() > flight->request.head.size())
    chunk_sizer_.failed();
}

void UploadRun::blame_lookahead(const Result<Answer>& result, bool held) {
  if (std::exchange(flight_->blamed, true)) return;
  const unsigned before = lookahead_.depth();
  if (lookahead_.failed_ahead(result, held)) {
    if (record_) record_->lookahead_refused();
    say(LogLevel::warning,
        fmt::format("sending the chunks of {} one after the other from now on: the server does not "
                    "wait for the end of a chunk that is sent ahead{}",
                    file_, result ? fmt::format(" (HTTP {})", result->status) : std::string()));
  } else if (before > 0 && lookahead_.depth() == 0) {
    say(LogLevel::info,
        fmt::format(
            "sending the chunks of {} one after the other for a while: two chunks that were "
            "sent ahead failed",
            file_));
  }
}

bool UploadRun::due_to_lookahead(const Error& error) {
  if (flight_->request.step != Request::Step::chunk || error.kind != ErrorKind::unreachable ||
      (!flight_->was_ahead && ahead_.empty()))
    return false;
  // A CURLcode or an HTTP status; a server that answers otherwise has taken it, however early it
  // came.
  constexpr int least_status = 100;
  const bool told = error.code == 408;
  if (error.code >= least_status && !told) return false;
  // One that has closed on what it does not wait for is found out as soon as the turn comes; later,
  // the server had all that it needed.
  const bool held = flight_->was_held &&
                    (!flight_->handed_at || steady_now() - *flight_->handed_at < found_out_within);
  Answer answer;
  answer.status = error.code;
  blame_lookahead(told ? Result<Answer>(answer) : Result<Answer>(error), held);
  return held;
}

}  // namespace sluice
