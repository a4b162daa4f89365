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
  unsigned buffer_budget = 0;     ///< reads that fail while no buffer is free
  bool cancels_in_doubt = false;  ///< the response to the first registration is lost
  bool registers_again =
      false;  ///< after an unconfirmed registration, the user runs sluice resume --register
  bool comes_again = false;  ///< the command is run again after the registration

 private:
  /// Makes some worlds harder. Uses separate dice, so that the other worlds stay the same.
  void aim();
  /// Lets some tus servers lose bytes of a file that is sent in several chunks.
  void lose();
  /// Lets some clients fail where few faults of other worlds strike.
  void strain();
};

}  // namespace sluice::sim
