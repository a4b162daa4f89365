#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "tests/simulation/congestion_control.h"
#include "tests/simulation/link.h"
#include "tests/simulation/packet_loss.h"
#include "tests/simulation/timeline.h"

namespace sluice::sim {

/// The sending half of one TCP connection over a Link: the kernel's send buffer, a congestion
/// control, lost packets and their retransmission, and delivery in order. It sends segments of many
/// packets, so that an upload of terabytes takes some ten million events.
///
///  - A packet is lost at random (Link::Setting::loss), or because the queue of the link is full.
///    The sender learns of a loss a round trip after it sent the segment (SACK, RFC 2018 and 6675),
///    and sends the lost packets again before new bytes. They may be lost again.
///  - The receiver gets bytes in order: nothing after a lost packet before that packet.
///  - Lost and selectively acknowledged bytes are no longer in flight for the window, but stay in
///    the send buffer until everything before them has arrived. So losses need a larger buffer.
///  - The congestion control is told of losses once a round trip, and of acknowledgements always.
///  - Acknowledgements are never lost. Losses of a connection's last packets are noticed as early
///    as others, as RACK-TLP (RFC 8985) nearly does.
///
/// One thread. Events point to the sender, so it must live as long as the timeline runs.
class TcpSender {
 public:
  struct Setting {
    Congestion congestion = Congestion::bbr;
    /// The size of the kernel's send buffer in bytes: it holds unsent bytes and bytes not yet
    /// acknowledged in order.
    std::uint64_t send_buffer = std::uint64_t{4} << 20;
    /// Most unsent bytes in the send buffer (TCP_NOTSENT_LOWAT, engine/http/tcp_options.cc).
    std::uint64_t unsent = std::uint64_t{2} << 20;
    /// Most bytes in a segment; at least one packet.
    std::uint64_t segment = std::uint64_t{64} << 10;
  };

  TcpSender(const Setting& setting, Timeline& time, Link& link, PacketLoss& loss);
  TcpSender(const TcpSender&) = delete;
  TcpSender& operator=(const TcpSender&) = delete;

  /// Called when is_writable() has become true again.
  void set_on_writable(std::function<void()> on_writable) { on_writable_ = std::move(on_writable); }
  /// Returns how many bytes write() should get at most.
  std::uint64_t room() const;
  /// Returns whether room() is worth a write: a kernel does not wake a program for each packet.
  bool is_writable() const { return room() >= worth_a_write(); }
  /// Hands over `bytes` bytes, also more than room(). `on_delivered`: called when the last of them
  /// has arrived; at once on a connection without bytes in flight if `bytes` is 0.
  void write(std::uint64_t bytes, std::function<void()> on_delivered);

  // Return what TCP_INFO reports.
  Duration round_trip() const { return smoothed_round_trip_; }
  Duration least_round_trip() const { return least_round_trip_; }
  std::uint64_t packets_sent_again() const { return sent_again_; }
  Clock::time_point last_sent() const { return last_sent_at_; }
  /// Returns the share of the time with bytes in flight in which the buffer was the limit, 0 to 1.
  double bounded_by_buffer() const;

  const CongestionControl& congestion() const { return *congestion_; }
  std::uint64_t in_flight() const { return in_flight_; }

 private:
  using Number = std::uint64_t;
  struct Segment {
    std::uint64_t bytes = 0;
    std::uint64_t end = 0;       ///< offset in the connection's bytes
    std::uint64_t lost = 0;      ///< bytes of the first transmission that never arrive
    std::uint64_t missing = 0;   ///< bytes that have not arrived
    std::uint64_t in_order = 0;  ///< in_order_ when the segment arrived
    Clock::time_point sent_at{};
    // delivered_, delivered_at_ and first_sent_at_ when the segment was sent.
    std::uint64_t delivered_then = 0;
    Clock::time_point delivered_at_then{};
    Clock::time_point first_sent_at_then{};
    bool application_limited = false;
  };
  struct Written {
    std::uint64_t end = 0;
    std::function<void()> on_delivered;
  };
  struct Retransmission {
    Number number = 0;
    std::uint64_t bytes = 0;
  };
  /// A retransmission on its way.
  struct Attempt {
    std::uint64_t bytes = 0;
    std::uint64_t lost = 0;
    std::uint64_t delivered_then = 0;
  };
  enum class Limit { application, window, pace, buffer };

  std::uint64_t worth_a_write() const {
    return std::max<std::uint64_t>(1, std::min(setting_.unsent / 2, setting_.send_buffer / 8));
  }
  std::uint64_t unsent() const { return written_ - sent_; }
  Segment& segment(Number number) {
    return segments_[static_cast<std::size_t>(number - first_number_)];
  }
  void transmit();
  bool send_next();
  bool may_send(std::uint64_t bytes);
  std::uint64_t lose(std::uint64_t bytes);
  void sent(std::uint64_t bytes);
  void send_segment(std::uint64_t bytes);
  void send_again(std::uint64_t most);
  void arrived(Number number);
  void arrived_again(Number number, const Attempt& attempt);
  void deliver_in_order();
  void acknowledged(Number number);
  void acknowledged_again(Number number, const Attempt& attempt, std::uint64_t in_order);
  void reduce(Number number, std::uint64_t bytes);
  void release(std::uint64_t in_order);
  void sample(const Segment& segment, std::uint64_t arrived_bytes, std::uint64_t in_flight_before);
  void note_limit(Limit limit);
  void tell_writable();

  const Setting setting_;
  Timeline& time_;
  Link& link_;
  PacketLoss& loss_;
  const std::unique_ptr<CongestionControl> congestion_;
  std::function<void()> on_writable_;

  std::uint64_t written_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t in_order_ = 0;      ///< bytes that have arrived in order
  std::uint64_t acknowledged_ = 0;  ///< those of them that the sender knows of
  std::uint64_t in_flight_ = 0;
  std::uint64_t delivered_ = 0;  ///< bytes that the sender knows to have arrived
  Clock::time_point delivered_at_{};
  Clock::time_point first_sent_at_{};
  std::deque<Segment> segments_;  ///< not acknowledged in order
  Number first_number_ = 0;       ///< of the first one
  Number first_incomplete_ = 0;
  std::deque<Written> written_pieces_;  ///< not delivered
  std::deque<Retransmission> to_send_again_;
  std::uint64_t recovery_ends_at_ = 0;  ///< a loss before that offset is of the same round trip

  bool transmits_ = false;
  bool timer_set_ = false;
  Clock::time_point pace_until_{};
  Clock::time_point last_sent_at_{};
  Duration smoothed_round_trip_;
  Duration least_round_trip_;
  std::uint64_t sent_again_ = 0;
  bool was_full_ = false;                        ///< on_writable_ must be called
  std::uint64_t application_limited_until_ = 0;  ///< a value of delivered_

  Limit limit_ = Limit::application;
  Clock::time_point limit_since_{};
  Duration busy_{};
  Duration bounded_{};
};

}  // namespace sluice::sim
