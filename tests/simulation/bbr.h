#pragma once

#include <deque>

#include "tests/simulation/congestion_control.h"

namespace sluice::sim {

/// BBR as in Linux (draft-cardwell-iccrg-bbr-congestion-control-00): sends at the bandwidth of the
/// bottleneck that it has measured, whatever is lost.
///
///     startup    doubles the rate each round trip, until three round trips do not raise the rate
///     drain      empties the queue that startup has filled
///     bandwidth  eight phases of a round trip each: faster, slower, six times at the measured rate
///     round_trip four packets in flight for 200 ms, if the least round trip was not seen for 10 s
///
/// After startup comes drain, then bandwidth. round_trip follows startup or bandwidth, and returns
/// there.
class Bbr final : public CongestionControl {
 public:
  /// `round_trip`: of the handshake.
  Bbr(Duration round_trip, Clock::time_point now);

  std::uint64_t window() const override { return window_; }
  double pacing_rate() const override { return pacing_rate_; }
  void acknowledged(const Acknowledgement& ack) override;
  /// Losses change nothing: the bandwidth is measured by what arrives.
  void lost(Clock::time_point) override {}
  /// An idle connection keeps its window, and is paced (draft section 4.3.4.4).
  void was_idle() override {}
  void restarted() override { restarted_ = true; }

  /// Returns the measured bandwidth of the bottleneck, bytes per second; 0 before the first sample.
  double bandwidth() const { return samples_.empty() ? 0 : samples_.front().rate; }

 private:
  enum class State { startup, drain, bandwidth, round_trip };
  struct Sample {
    std::uint64_t round;
    double rate;
  };

  void measure_bandwidth(const Acknowledgement& ack);
  bool measure_round_trip(const Acknowledgement& ack);
  void next_state(const Acknowledgement& ack, bool round_trip_expired);
  void next_phase(const Acknowledgement& ack);
  void set_window(const Acknowledgement& ack);
  std::uint64_t in_one_round_trip(double gain) const;

  State state_ = State::startup;
  State state_before_ = State::startup;  ///< of State::round_trip
  std::deque<Sample> samples_;           ///< of falling rates: the first one is the maximum
  std::uint64_t round_ = 0;
  std::uint64_t round_ends_at_ = 0;  ///< Acknowledgement::delivered
  bool round_began_ = false;
  double full_rate_ = 0;  ///< the rate that startup has to raise by a quarter
  unsigned full_rounds_ = 0;
  Duration least_round_trip_;
  Clock::time_point least_seen_;
  Clock::time_point phase_began_{};
  unsigned phase_ = 0;
  Clock::time_point round_trip_until_{};
  std::uint64_t limited_until_ = 0;  ///< Acknowledgement::delivered
  bool restarted_ = false;           ///< and nothing was acknowledged since
  std::uint64_t window_ = initial_window;
  std::uint64_t window_before_ = 0;  ///< of State::round_trip
  double pacing_rate_;
};

}  // namespace sluice::sim
