#include "engine/lookahead.h"

#include <gtest/gtest.h>

#include <chrono>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t pool = std::uint64_t{64} << 20;
const Error broken{ErrorKind::unreachable, "reset", 56, true};

Answer over(std::chrono::microseconds round_trip) {
  Answer answer;
  answer.status = 200;
  answer.network = Answer::Network{.round_trip = round_trip};
  return answer;
}

Answer status(int code) {
  Answer answer;
  answer.status = code;
  return answer;
}

TEST(Lookahead, NextDoorNothingTravelsAhead) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(over(200us));
  lookahead.answered(status(200));  // the kernel did not tell
  lookahead.committed(0.100, 0.003);
  lookahead.committed(10, 0.05);
  EXPECT_EQ(lookahead.depth(), 0U);
}

TEST(Lookahead, AFarServerIsKnownByItsFirstAnswer) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(over(5ms));
  EXPECT_GE(lookahead.depth(), 1U);
  EXPECT_LE(lookahead.depth(), Lookahead::most);
}

TEST(Lookahead, AThinkingServerIsKnownByItsFirstChunk) {
  Lookahead lookahead({.pool_bytes = pool});
  lookahead.answered(over(100us));
  lookahead.committed(0.5, 0.2);
  EXPECT_GE(lookahead.depth(), 1U);
}

TEST(Lookahead, WhatIsAskedForIsDone) {
  for (const unsigned asked : {0U, 1U, 16U}) {
    Lookahead lookahead({.asked = asked, .pool_bytes = pool});
    lookahead.answered(over(100ms));
    lookahead.committed(0.5, 0.4);
    EXPECT_EQ(lookahead.depth(), asked);
  }
}

TEST(Lookahead, SideBySideOnlyWhereAPoolGoesOutInTenSeconds) {
  const Lookahead lookahead({.pool_bytes = pool});
  EXPECT_FALSE(lookahead.side_by_side(0)) << "not known yet";
  EXPECT_FALSE(lookahead.side_by_side(6e6));
  EXPECT_TRUE(lookahead.side_by_side(7e6));
}

TEST(Lookahead, AServerThatSays408IsNotAskedToWaitAgain) {
  Lookahead lookahead({.asked = 4, .pool_bytes = pool});
  EXPECT_TRUE(lookahead.ended_early(status(408), true));
  EXPECT_TRUE(lookahead.refused());
  EXPECT_EQ(lookahead.depth(), 0U);
  EXPECT_FALSE(lookahead.ended_early(status(408), true)) << "it is worth saying once";
  lookahead.answered(over(100ms));
  lookahead.committed(1, 0.5);
  EXPECT_EQ(lookahead.depth(), 0U);
}

TEST(Lookahead, OneThatClosesOnWhatIsHeldBackTwiceNeither) {
  Lookahead lookahead({.asked = 4, .pool_bytes = pool});
  EXPECT_FALSE(lookahead.ended_early(broken, true));
  lookahead.committed(1, 0);
  EXPECT_FALSE(lookahead.ended_early(broken, true)) << "between them all was well";
  EXPECT_EQ(lookahead.depth(), 4U);
  EXPECT_TRUE(lookahead.ended_early(broken, true));
  EXPECT_EQ(lookahead.depth(), 0U);
}

TEST(Lookahead, OtherTroublesSayNothingAboutWaiting) {
  Lookahead lookahead({.asked = 4, .pool_bytes = pool});
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(lookahead.ended_early(broken, false)) << "in the middle of its body";
    EXPECT_FALSE(lookahead.ended_early(status(503), true));
    EXPECT_FALSE(lookahead.ended_early(status(413), false));
  }
  EXPECT_EQ(lookahead.depth(), 4U);
}

TEST(Lookahead, ARefusalOfAnEarlierUploadIsHeeded) {
  Lookahead lookahead({.refused = true, .pool_bytes = pool});
  lookahead.answered(over(100ms));
  EXPECT_EQ(lookahead.depth(), 0U);
}

}  // namespace
}  // namespace sluice
