#include "tests/simulation/bbr.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

// The names and values of the draft, section 4.
constexpr double high_gain = 2.89;
constexpr double window_gain = 2;
constexpr std::array<double, 8> phase_gains{1.25, 0.75, 1, 1, 1, 1, 1, 1};
constexpr std::uint64_t bandwidth_rounds = 10;
constexpr Duration round_trip_lives = 10s;
constexpr Duration round_trip_takes = 200ms;
constexpr std::uint64_t least_bbr_window = 4 * packet_bytes;
constexpr double startup_growth = 1.25;
constexpr unsigned startup_rounds = 3;
/// Linux sends 1 % less than it has measured, so that no queue lasts.
constexpr double pacing_share = 0.99;
/// Room for three bursts (draft section 4.2.3.2), of 64 KiB each.
constexpr std::uint64_t burst_room = 3 * 64 * 1024;

double bbr_seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

Bbr::Bbr(Duration round_trip, Clock::time_point now)
    : least_round_trip_(round_trip),
      least_seen_(now),
      pacing_rate_(high_gain * static_cast<double>(initial_window) / bbr_seconds(round_trip)) {}

std::uint64_t Bbr::in_one_round_trip(double gain) const {
  return static_cast<std::uint64_t>(gain * bandwidth() * bbr_seconds(least_round_trip_));
}

void Bbr::measure_bandwidth(const Acknowledgement& ack) {
  round_began_ = ack.delivered_then >= round_ends_at_;
  if (round_began_) {
    round_ends_at_ = ack.delivered;
    ++round_;
  }
  // Section 4.1.1.4: what the application limited says only that the bandwidth is not less.
  // The same holds for the few packets of State::round_trip, as in Linux.
  const bool is_limited = ack.application_limited || ack.delivered_then < limited_until_;
  if (ack.rate <= 0 || (is_limited && ack.rate < bandwidth())) return;
  while (!samples_.empty() && samples_.back().rate <= ack.rate) samples_.pop_back();
  samples_.push_back({round_, ack.rate});
  while (samples_.front().round + bandwidth_rounds < round_) samples_.pop_front();
}

bool Bbr::measure_round_trip(const Acknowledgement& ack) {
  const bool expired = ack.now - least_seen_ > round_trip_lives;
  if (ack.round_trip <= least_round_trip_ || expired) {
    least_round_trip_ = ack.round_trip;
    least_seen_ = ack.now;
  }
  return expired;
}

void Bbr::acknowledged(const Acknowledgement& ack) {
  measure_bandwidth(ack);
  const bool expired = measure_round_trip(ack);
  next_state(ack, expired);
  double gain = 1;
  switch (state_) {
    case State::startup:
      gain = high_gain;
      break;
    case State::drain:
      gain = 1 / high_gain;
      break;
    case State::bandwidth:
      gain = phase_gains[phase_];
      break;
    case State::round_trip:
      break;
  }
  // Section 4.2.1: before the pipe is full, a low sample does not lower the rate.
  const double rate = gain * bandwidth() * pacing_share;
  if (rate > pacing_rate_ || full_rounds_ >= startup_rounds) pacing_rate_ = rate;
  set_window(ack);
}

void Bbr::next_state(const Acknowledgement& ack, bool round_trip_expired) {
  // After a pause, the first acknowledgement has measured the round trip already.
  const bool measures = round_trip_expired && !std::exchange(restarted_, false);
  if (state_ != State::round_trip && measures) {
    state_before_ = state_;
    window_before_ = window_;
    state_ = State::round_trip;
    round_trip_until_ = {};
  }
  switch (state_) {
    case State::startup:
      if (!round_began_ || ack.application_limited) return;
      if (bandwidth() >= full_rate_ * startup_growth) {
        full_rate_ = bandwidth();
        full_rounds_ = 0;
        return;
      }
      if (++full_rounds_ >= startup_rounds) state_ = State::drain;
      return;
    case State::drain:
      if (ack.in_flight > in_one_round_trip(1)) return;
      state_ = State::bandwidth;
      // The draft begins with a random phase other than the slow one.
      phase_ = 2;
      phase_began_ = ack.now;
      return;
    case State::bandwidth:
      next_phase(ack);
      return;
    case State::round_trip:
      limited_until_ = ack.delivered + ack.in_flight;
      if (round_trip_until_ == Clock::time_point{}) {
        if (ack.in_flight <= least_bbr_window + ack.bytes)
          round_trip_until_ = ack.now + std::max(round_trip_takes, least_round_trip_);
        return;
      }
      if (ack.now < round_trip_until_) return;
      least_seen_ = ack.now;
      window_ = std::max(window_, window_before_);
      state_ = state_before_;
      phase_began_ = ack.now;
      return;
  }
}

void Bbr::next_phase(const Acknowledgement& ack) {
  const bool is_over = ack.now - phase_began_ > least_round_trip_;
  const double gain = phase_gains[phase_];
  // Section 4.3.4.3: the fast phase lasts until its bytes are in flight, the slow one no longer
  // than the queue.
  const bool next = gain > 1   ? is_over && (ack.window_limited || ack.application_limited ||
                                           ack.in_flight >= in_one_round_trip(gain))
                    : gain < 1 ? is_over || ack.in_flight <= in_one_round_trip(1)
                               : is_over;
  if (!next) return;
  phase_ = (phase_ + 1) % static_cast<unsigned>(phase_gains.size());
  phase_began_ = ack.now;
}

void Bbr::set_window(const Acknowledgement& ack) {
  if (state_ == State::round_trip) {
    window_ = std::min(window_, least_bbr_window);
    return;
  }
  const double gain = full_rounds_ >= startup_rounds ? window_gain : high_gain;
  const std::uint64_t target = in_one_round_trip(gain) + burst_room;
  // Section 4.2.3.4.
  if (full_rounds_ >= startup_rounds)
    window_ = std::min(window_ + ack.bytes, target);
  else if (window_ < target || ack.delivered < initial_window)
    window_ += ack.bytes;
  window_ = std::max(window_, least_bbr_window);
}

}  // namespace sluice::sim
