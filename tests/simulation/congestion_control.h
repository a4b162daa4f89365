#pragma once

#include <cstdint>
#include <memory>

#include "tests/simulation/timeline.h"

namespace sluice::sim {

/// Bytes of a file in one packet of 1500 bytes: IPv4 and TCP headers have 40, the timestamps of RFC
/// 7323 have 12.
inline constexpr std::uint64_t packet_bytes = 1448;
/// The window of a new connection (RFC 6928).
inline constexpr std::uint64_t initial_window = 10 * packet_bytes;

/// Acknowledgements that arrive at one moment.
struct Acknowledgement {
  Clock::time_point now{};
  std::uint64_t bytes = 0;      ///< acknowledged bytes, including selectively acknowledged ones
  std::uint64_t in_flight = 0;  ///< bytes in flight before these acknowledgements
  /// Round-trip time of the newest segment, including queueing, more than 0; the average if that
  /// segment was retransmitted.
  Duration round_trip{};
  /// A sample of the delivery rate (draft-cheng-iccrg-delivery-rate-estimation), bytes per second;
  /// 0 for none.
  double rate = 0;
  bool application_limited = false;  ///< the sender had nothing to send when that segment was sent
  bool window_limited = false;       ///< only the congestion window limits the sender
  std::uint64_t delivered = 0;       ///< bytes that have arrived since the connection was made
  std::uint64_t delivered_then = 0;  ///< `delivered` when the newest segment was sent
};

/// The congestion control of one connection: how many bytes may be in flight, and how fast they may
/// be sent. One thread.
class CongestionControl {
 public:
  virtual ~CongestionControl() = default;

  /// Returns the congestion window in bytes, at least one packet.
  virtual std::uint64_t window() const = 0;
  /// Returns the pacing rate in bytes per second; 0 if the sender is not paced.
  virtual double pacing_rate() const { return 0; }

  virtual void acknowledged(const Acknowledgement& ack) = 0;
  /// Records that packets were lost. Called at most once for the losses of one round trip (RFC 6675
  /// section 5).
  virtual void lost(Clock::time_point now) = 0;
  /// Records that bytes are sent again after a time without any in flight.
  virtual void restarted() {}
  /// Records that this time was longer than a retransmission timeout. Called after restarted().
  virtual void was_idle() = 0;
};

enum class Congestion { cubic, bbr };

/// Returns the congestion control of a new connection. `round_trip`: of the handshake; more than 0.
std::unique_ptr<CongestionControl> make_congestion_control(Congestion kind, Duration round_trip,
                                                           Clock::time_point now);

}  // namespace sluice::sim
