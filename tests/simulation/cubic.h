#pragma once

#include <limits>
#include <optional>

#include "tests/simulation/congestion_control.h"

namespace sluice::sim {

/// CUBIC (RFC 9438): the window doubles each round trip until the first loss, and then grows as a
/// cubic function of the time since the last loss. Its own figures are in packets, as in the RFC.
class Cubic final : public CongestionControl {
 public:
  static constexpr double beta = 0.7;  ///< section 4.6
  static constexpr double c = 0.4;     ///< section 5; packets per cubic second

  std::uint64_t window() const override;
  void acknowledged(const Acknowledgement& ack) override;
  void lost(Clock::time_point now) override;
  void was_idle() override;

 private:
  void begin_epoch(Clock::time_point now);
  void avoid_congestion(const Acknowledgement& ack, double packets);

  double window_ = static_cast<double>(initial_window) / static_cast<double>(packet_bytes);
  double threshold_ = std::numeric_limits<double>::infinity();  ///< ssthresh
  double window_before_ = 0;                                    ///< cwnd_prior
  double plateau_ = 0;                                          ///< W_max
  double reaches_plateau_after_ = 0;                            ///< K, seconds
  double as_reno_ = 0;                                          ///< W_est
  std::optional<Clock::time_point> epoch_;
};

}  // namespace sluice::sim
