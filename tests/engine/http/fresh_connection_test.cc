#include "engine/http/fresh_connection.h"

#include <gtest/gtest.h>

namespace sluice::fresh_connection_test {
namespace {

using namespace std::chrono_literals;
using Clock = FreshConnections::Clock;

TEST(NewConnection, IsCheapForShortRoundTripsAndLongUploads) {
  EXPECT_TRUE(is_new_connection_cheap(100us, false, 0s));
  EXPECT_TRUE(is_new_connection_cheap(1ms, false, 0s));
  EXPECT_FALSE(is_new_connection_cheap(1001us, false, 0s));
  EXPECT_TRUE(is_new_connection_cheap(500us, true, 0s));
  EXPECT_FALSE(is_new_connection_cheap(501us, true, 0s)) << "TLS takes one more round trip";
  // With a round trip of 50 ms, a small file has taken two round trips so far, a large one seconds.
  EXPECT_FALSE(is_new_connection_cheap(50ms, false, 100ms));
  EXPECT_FALSE(is_new_connection_cheap(50ms, false, 16s));
  EXPECT_TRUE(is_new_connection_cheap(50ms, false, 17s));
  EXPECT_FALSE(is_new_connection_cheap(50ms, true, 17s));
  EXPECT_FALSE(is_new_connection_cheap({}, false, 100s)) << "unknown round trip";
}

TEST(FreshConnections, AllowBurstOfFiftyAndTwentyPerSecond) {
  FreshConnections fresh;
  Clock::time_point now{5s};
  const auto take = [&] {
    int taken = 0;
    while (taken < 1000 && fresh.take(now)) ++taken;
    return taken;
  };
  EXPECT_EQ(take(), 50);
  EXPECT_EQ(take(), 0);
  now += 510ms;
  EXPECT_EQ(take(), 10);
  now += 1h;
  EXPECT_EQ(take(), 50) << "the bucket holds 50 tokens";
}

}  // namespace
}  // namespace sluice::fresh_connection_test
