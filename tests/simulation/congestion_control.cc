#include "tests/simulation/congestion_control.h"

#include "tests/simulation/bbr.h"
#include "tests/simulation/cubic.h"

namespace sluice::sim {

std::unique_ptr<CongestionControl> make_congestion_control(Congestion kind, Duration round_trip,
                                                           Clock::time_point now) {
  if (kind == Congestion::bbr) return std::make_unique<Bbr>(round_trip, now);
  return std::make_unique<Cubic>();
}

}  // namespace sluice::sim
