#pragma once

#include <cmath>
#include <cstdint>

#include "tests/simulation/dice.h"

namespace sluice::sim {

/// Random loss of packets on a link: each packet is lost with the same probability, independent of
/// the others. Draws no random numbers if the probability is 0.
class PacketLoss {
 public:
  /// `probability`: from 0 to less than 1.
  PacketLoss(double probability, Dice dice) : probability_(probability), dice_(dice) { draw(); }

  /// Sends `packets` packets and returns how many of them are lost. Draws one random number for
  /// each lost packet: the distance to the next lost packet has a geometric distribution.
  std::uint64_t lost_of(std::uint64_t packets) {
    if (probability_ <= 0) return 0;
    std::uint64_t lost = 0;
    while (until_loss_ < packets) {
      packets -= until_loss_ + 1;
      ++lost;
      draw();
    }
    until_loss_ -= packets;
    return lost;
  }

 private:
  void draw() {
    if (probability_ > 0)
      until_loss_ =
          static_cast<std::uint64_t>(std::log1p(-dice_.unit()) / std::log1p(-probability_));
  }

  const double probability_;
  Dice dice_;
  std::uint64_t until_loss_ = 0;  ///< packets that arrive before the next one is lost
};

}  // namespace sluice::sim
