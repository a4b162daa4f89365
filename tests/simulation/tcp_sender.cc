#include "tests/simulation/tcp_sender.h"

#include <algorithm>
#include <utility>

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

/// RFC 6298 section 2, with the least timeout of Linux.
constexpr Duration least_timeout = 200ms;

std::uint64_t packets_of(std::uint64_t bytes) {
  return (bytes + packet_bytes - 1) / packet_bytes;
}

double in_seconds_of(Duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

TcpSender::TcpSender(const Setting& setting, Timeline& time, Link& link, PacketLoss& loss)
    : setting_(setting),
      time_(time),
      link_(link),
      loss_(loss),
      congestion_(make_congestion_control(
          setting.congestion, std::max<Duration>(link.round_trip(), 1us), time.steady_now())),
      delivered_at_(time.steady_now()),
      first_sent_at_(time.steady_now()),
      last_sent_at_(time.steady_now()),
      smoothed_round_trip_(std::max<Duration>(link.round_trip(), 1us)),
      least_round_trip_(smoothed_round_trip_),
      limit_since_(time.steady_now()) {}

std::uint64_t TcpSender::room() const {
  const std::uint64_t held = written_ - acknowledged_;
  return std::min(setting_.unsent - std::min(setting_.unsent, unsent()),
                  setting_.send_buffer - std::min(setting_.send_buffer, held));
}

void TcpSender::write(std::uint64_t bytes, std::function<void()> on_delivered) {
  const auto now = time_.steady_now();
  if (written_ == acknowledged_) {
    first_sent_at_ = delivered_at_ = now;
    congestion_->restarted();
    if (now - last_sent_at_ > smoothed_round_trip_ + least_timeout) congestion_->was_idle();
  }
  written_ += bytes;
  if (written_ == in_order_) {  // nothing is on its way
    time_.at(link_.send(0, now), 0, std::move(on_delivered));
    return;
  }
  written_pieces_.push_back({written_, std::move(on_delivered)});
  was_full_ = !is_writable();
  transmit();
}

void TcpSender::note_limit(Limit limit) {
  const auto now = time_.steady_now();
  const Duration lasted = now - limit_since_;
  if (limit_ != Limit::application) busy_ += lasted;
  if (limit_ == Limit::buffer) bounded_ += lasted;
  limit_ = limit;
  limit_since_ = now;
}

double TcpSender::bounded_by_buffer() const {
  return busy_ > 0ns ? in_seconds_of(bounded_) / in_seconds_of(busy_) : 0;
}

/// Whether so many bytes may be sent now; notes why not, and sets a timer if time will tell.
bool TcpSender::may_send(std::uint64_t bytes) {
  // A window for less than the segment waits for more acknowledgements, as Linux defers small
  // segments (tcp_tso_should_defer()).
  if (in_flight_ > 0 && in_flight_ + bytes > congestion_->window()) {
    note_limit(Limit::window);
    return false;
  }
  if (congestion_->pacing_rate() <= 0 || time_.steady_now() >= pace_until_) return true;
  note_limit(Limit::pace);
  if (!std::exchange(timer_set_, true))
    time_.at(pace_until_, 0, [this] {
      timer_set_ = false;
      transmit();
    });
  return false;
}

void TcpSender::transmit() {
  if (std::exchange(transmits_, true)) return;  // called by write() within tell_writable()
  while (send_next()) continue;
  transmits_ = false;
}

/// Sends one segment, or some lost packets again. Returns false if nothing may be sent now.
bool TcpSender::send_next() {
  const std::uint64_t share = std::min(setting_.segment, congestion_->window() / 4);
  const std::uint64_t most = std::max(packet_bytes, share / packet_bytes * packet_bytes);
  if (!to_send_again_.empty()) {
    if (!may_send(std::min(to_send_again_.front().bytes, most))) return false;
    send_again(most);
    return true;
  }
  tell_writable();
  if (unsent() > 0) {
    const std::uint64_t bytes = std::min(unsent(), most);
    if (!may_send(bytes)) return false;
    send_segment(bytes);
    return true;
  }
  note_limit(was_full_ ? Limit::buffer : Limit::application);
  if (in_flight_ < congestion_->window()) application_limited_until_ = delivered_ + in_flight_;
  return false;
}

/// Returns how many of `bytes` bytes that are sent now do not arrive.
std::uint64_t TcpSender::lose(std::uint64_t bytes) {
  const std::uint64_t lost = std::min(bytes, loss_.lost_of(packets_of(bytes)) * packet_bytes);
  const std::uint64_t room = link_.queue_room(time_.steady_now());
  // The packets of a segment come one after the other, while the queue empties; so it is on average
  // half a segment that waits.
  const std::uint64_t waiting = (bytes - lost) / 2;
  if (waiting <= room) return lost;
  const std::uint64_t dropped = std::min(packets_of(waiting - room) * packet_bytes, bytes - lost);
  return lost + dropped;
}

void TcpSender::sent(std::uint64_t bytes) {
  const auto now = time_.steady_now();
  in_flight_ += bytes;
  last_sent_at_ = now;
  if (const double rate = congestion_->pacing_rate(); rate > 0)
    pace_until_ = std::max(pace_until_, now) +
                  Duration(static_cast<std::int64_t>(static_cast<double>(bytes) / rate * 1e9));
}

void TcpSender::send_segment(std::uint64_t bytes) {
  const auto now = time_.steady_now();
  const std::uint64_t lost = lose(bytes);
  sent_ += bytes;
  segments_.push_back({.bytes = bytes,
                       .end = sent_,
                       .lost = lost,
                       .missing = bytes,
                       .sent_at = now,
                       .delivered_then = delivered_,
                       .delivered_at_then = delivered_at_,
                       .first_sent_at_then = first_sent_at_,
                       .application_limited = application_limited_until_ >= delivered_});
  sent(bytes);
  const Number number = first_number_ + segments_.size() - 1;
  time_.at(link_.send(bytes - lost, now), 0, [this, number] { arrived(number); });
}

void TcpSender::send_again(std::uint64_t most) {
  Retransmission& next = to_send_again_.front();
  const Number number = next.number;
  Attempt attempt{.bytes = std::min(next.bytes, most), .delivered_then = delivered_};
  next.bytes -= attempt.bytes;
  if (next.bytes == 0) to_send_again_.pop_front();
  attempt.lost = lose(attempt.bytes);
  sent_again_ += packets_of(attempt.bytes);
  sent(attempt.bytes);
  time_.at(link_.send(attempt.bytes - attempt.lost, time_.steady_now()), 0,
           [this, number, attempt] { arrived_again(number, attempt); });
}

void TcpSender::arrived(Number number) {
  segment(number).missing = segment(number).lost;
  deliver_in_order();
  segment(number).in_order = in_order_;
  time_.after(link_.round_trip() / 2, 0, [this, number] { acknowledged(number); });
}

void TcpSender::arrived_again(Number number, const Attempt& attempt) {
  segment(number).missing -= attempt.bytes - attempt.lost;
  deliver_in_order();
  time_.after(link_.round_trip() / 2, 0, [this, number, attempt, in_order = in_order_] {
    acknowledged_again(number, attempt, in_order);
  });
}

void TcpSender::deliver_in_order() {
  const Number end = first_number_ + segments_.size();
  while (first_incomplete_ < end && segment(first_incomplete_).missing == 0)
    in_order_ = segment(first_incomplete_++).end;
  while (!written_pieces_.empty() && written_pieces_.front().end <= in_order_) {
    const auto on_delivered = std::move(written_pieces_.front().on_delivered);
    written_pieces_.pop_front();
    on_delivered();
  }
}

void TcpSender::acknowledged(Number number) {
  const Segment known = segment(number);
  const std::uint64_t before = in_flight_;
  in_flight_ -= known.bytes;
  delivered_ += known.bytes - known.lost;
  if (known.lost > 0) reduce(number, known.lost);
  release(known.in_order);
  sample(known, known.bytes - known.lost, before);
  transmit();
}

void TcpSender::acknowledged_again(Number number, const Attempt& attempt, std::uint64_t in_order) {
  const auto now = time_.steady_now();
  const std::uint64_t before = in_flight_;
  const std::uint64_t arrived_bytes = attempt.bytes - attempt.lost;
  in_flight_ -= attempt.bytes;
  delivered_ += arrived_bytes;
  delivered_at_ = now;
  if (attempt.lost > 0) reduce(number, attempt.lost);
  release(in_order);
  // No sample of the round trip (RFC 6298 section 3), nor of the rate.
  if (arrived_bytes > 0)
    congestion_->acknowledged({.now = now,
                               .bytes = arrived_bytes,
                               .in_flight = before,
                               .round_trip = smoothed_round_trip_,
                               .application_limited = application_limited_until_ >= delivered_,
                               .window_limited = limit_ == Limit::window,
                               .delivered = delivered_,
                               .delivered_then = attempt.delivered_then});
  transmit();
}

/// Bytes of a segment are known to be lost.
void TcpSender::reduce(Number number, std::uint64_t bytes) {
  to_send_again_.push_back({number, bytes});
  if (segment(number).end <= recovery_ends_at_) return;
  recovery_ends_at_ = sent_;
  congestion_->lost(time_.steady_now());
}

void TcpSender::release(std::uint64_t in_order) {
  acknowledged_ = std::max(acknowledged_, in_order);
  while (!segments_.empty() && segments_.front().end <= acknowledged_) {
    segments_.pop_front();
    ++first_number_;
  }
}

void TcpSender::sample(const Segment& segment, std::uint64_t arrived_bytes,
                       std::uint64_t in_flight_before) {
  const auto now = time_.steady_now();
  const Duration round_trip = now - segment.sent_at;
  smoothed_round_trip_ += (round_trip - smoothed_round_trip_) / 8;
  least_round_trip_ = std::min(least_round_trip_, round_trip);
  // Section 3.3 of the draft: the longer of the time to send and the time to be acknowledged.
  const Duration interval =
      std::max(now - segment.delivered_at_then, segment.sent_at - segment.first_sent_at_then);
  const bool is_usable = interval >= least_round_trip_ && arrived_bytes > 0;
  const double rate =
      is_usable ? static_cast<double>(delivered_ - segment.delivered_then) / in_seconds_of(interval)
                : 0;
  delivered_at_ = now;
  first_sent_at_ = segment.sent_at;
  if (arrived_bytes == 0) return;
  congestion_->acknowledged({.now = now,
                             .bytes = arrived_bytes,
                             .in_flight = in_flight_before,
                             .round_trip = round_trip,
                             .rate = rate,
                             .application_limited = segment.application_limited,
                             .window_limited = limit_ == Limit::window,
                             .delivered = delivered_,
                             .delivered_then = segment.delivered_then});
}

void TcpSender::tell_writable() {
  if (!was_full_ || !is_writable()) return;
  was_full_ = false;
  if (on_writable_) on_writable_();
}

}  // namespace sluice::sim
