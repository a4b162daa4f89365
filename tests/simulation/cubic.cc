#include "tests/simulation/cubic.h"

#include <algorithm>
#include <cmath>

namespace sluice::sim {
namespace {

constexpr double least_window = 2;
/// Section 4.3: with this growth, Reno with a reduction to `beta` has the average window of Reno.
constexpr double as_reno_growth = 3 * (1 - Cubic::beta) / (1 + Cubic::beta);

double cubic_seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::uint64_t Cubic::window() const {
  return static_cast<std::uint64_t>(window_) * packet_bytes;
}

void Cubic::acknowledged(const Acknowledgement& ack) {
  const double packets = static_cast<double>(ack.bytes) / static_cast<double>(packet_bytes);
  if (window_ < threshold_) {
    // A window that is not used does not grow (RFC 7661 section 4.3).
    if (2 * static_cast<double>(ack.in_flight) >= static_cast<double>(window())) window_ += packets;
    return;
  }
  if (!ack.window_limited) {
    // The time without use does not count as time to grow (RFC 9438 section 5.8).
    epoch_.reset();
    return;
  }
  avoid_congestion(ack, packets);
}

void Cubic::begin_epoch(Clock::time_point now) {
  epoch_ = now;
  as_reno_ = window_;
  plateau_ = std::max(plateau_, window_);
  reaches_plateau_after_ = std::cbrt((plateau_ - window_) / c);  // figure 2
}

void Cubic::avoid_congestion(const Acknowledgement& ack, double packets) {
  if (!epoch_) begin_epoch(ack.now);
  const double t = cubic_seconds(ack.now - *epoch_);
  const auto cubic_window = [&](double at) {
    return c * std::pow(at - reaches_plateau_after_, 3) + plateau_;  // figure 1
  };
  // Section 4.2: the window one round trip later, and no more than half as much again.
  const double target =
      std::clamp(cubic_window(t + cubic_seconds(ack.round_trip)), window_, 1.5 * window_);
  // Section 4.3: not slower than Reno.
  const double growth = as_reno_ >= window_before_ ? 1 : as_reno_growth;
  as_reno_ += growth * packets / window_;
  if (cubic_window(t) < as_reno_)
    window_ = std::max(window_, as_reno_);
  else
    window_ += (target - window_) / window_ * packets;  // section 4.4
}

void Cubic::lost(Clock::time_point) {
  window_before_ = window_;
  // Section 4.7: fast convergence.
  plateau_ = window_ < plateau_ ? window_ * (1 + beta) / 2 : window_;
  window_ = threshold_ = std::max(window_ * beta, least_window);  // section 4.6
  epoch_.reset();
}

void Cubic::was_idle() {
  // RFC 5681 section 4.1.
  window_ = std::min(window_, static_cast<double>(initial_window) / packet_bytes);
  epoch_.reset();
}

}  // namespace sluice::sim
