#pragma once

#include <cstdint>

#include "tests/simulation/bank.h"
#include "tests/simulation/client.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/network.h"

namespace sluice::sim {

/// The properties of a world that its seed chooses at the start.
struct WorldPlan {
  explicit WorldPlan(std::uint64_t seed);

  Dice dice;
  Faults::Weather weather;
  Network::Setting network;
  Client::Setting client;
  Bank bank;
  TusSetting tus;
  std::uint64_t size = 0;
  std::uint64_t content_seed = 0;
  unsigned aimed_budget = 0;
  unsigned lossy_budget = 0;
  bool comes_again = false;  ///< the command is run again after the registration

 private:
  /// Makes some worlds harder. Uses separate dice, so that the other worlds stay the same.
  void aim();
  /// Lets some tus servers lose bytes of a file that is sent in several chunks.
  void lose();
};

}  // namespace sluice::sim
