#include "tests/simulation/world.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::sim::world_test {
namespace {

TEST(SimulatedWorld, IsTheSameForTheSameSeed) {
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Outcome first = run_world(seed, /*prints=*/false);
    const Outcome second = run_world(seed, /*prints=*/false);
    EXPECT_EQ(first.trace, second.trace) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
    EXPECT_EQ(first.violation, "") << "seed " << seed;
    traces.insert(first.trace);
  }
  EXPECT_EQ(traces.size(), 60U) << "two seeds are one world";
}

TEST(SimulatedWorld, CoversAllEndingsAndManyFaults) {
  std::set<Ending> seen;
  std::array<std::uint64_t, fault_kinds> faults{};
  unsigned resumed = 0;
  for (std::uint64_t seed = 1000; seed < 1300; ++seed) {
    const Outcome outcome = run_world(seed, /*prints=*/false);
    ASSERT_EQ(outcome.violation, "") << "seed " << seed;
    seen.insert(outcome.ending);
    for (std::size_t i = 0; i < fault_kinds; ++i) faults[i] += outcome.faults[i];
    resumed += outcome.resumed ? 1 : 0;
  }
  EXPECT_TRUE(seen.contains(Ending::registered));
  EXPECT_TRUE(seen.contains(Ending::unconfirmed));
  EXPECT_GT(resumed, 5U);
  for (const Fault fault : {Fault::lost_answer, Fault::cut_body, Fault::crash, Fault::restart,
                            Fault::forgets, Fault::too_large, Fault::page_before})
    EXPECT_GT(faults[static_cast<std::size_t>(fault)], 0U) << to_string(fault);
}

}  // namespace
}  // namespace sluice::sim::world_test
