// RequestLimit: the table in its class comment, in virtual time.
#include "engine/policy/request_limit.h"

#include <gtest/gtest.h>

namespace sluice::request_limit_test {
namespace {

using namespace std::chrono_literals;

class RequestLimitTest : public testing::Test {
 protected:
  void start(unsigned first, std::optional<unsigned> remembered = {}) {
    limit_ = RequestLimit({.first = first, .remembered = remembered, .now = now_});
  }
  /// Records as many good answers as the limit allows; all of the requests were in flight together.
  void good_round() {
    const unsigned at_a_time = limit_.limit();
    for (unsigned i = 0; i < at_a_time; ++i) limit_.succeeded(at_a_time, now_);
  }
  /// Records an overload of all of `count` requests that were in flight together.
  void overload(unsigned count) {
    const std::uint64_t round = limit_.round();
    for (unsigned left = count; left > 0; --left) limit_.overloaded(round, left, now_);
  }

  RequestLimit::Clock::time_point now_{1h};
  RequestLimit limit_{{}};
};

TEST_F(RequestLimitTest, StartsAtFourOrTheRequestedNumber) {
  EXPECT_EQ(limit_.limit(), 4U);
  start(16);
  EXPECT_EQ(limit_.limit(), 16U);
}

TEST_F(RequestLimitTest, DoublesWhileRequestsSucceed) {
  for (int i = 0; i < 3; ++i) limit_.succeeded(4, now_);
  EXPECT_EQ(limit_.limit(), 4U) << "before the fourth answer";
  limit_.succeeded(4, now_);
  EXPECT_EQ(limit_.limit(), 8U);
  for (int i = 0; i < 10; ++i) good_round();
  EXPECT_EQ(limit_.limit(), RequestLimit::most);
}

TEST_F(RequestLimitTest, StaysWhileInFlightIsBelowTheLimit) {
  for (int i = 0; i < 100; ++i) limit_.succeeded(3, now_);
  EXPECT_EQ(limit_.limit(), 4U);
}

/// Every new request waits behind the requests that the server has.
TEST_F(RequestLimitTest, DropsToOneUntilAnAnswerAfterATimeout) {
  start(16);
  good_round();
  ASSERT_EQ(limit_.limit(), 32U);
  EXPECT_TRUE(limit_.overloaded(limit_.round(), 30, now_, RequestLimit::Overload::unanswered));
  EXPECT_EQ(limit_.limit(), 1U);
  EXPECT_FALSE(limit_.overloaded(limit_.round(), 1, now_, RequestLimit::Overload::unanswered));
  EXPECT_EQ(limit_.worth_remembering(), 4U);
  EXPECT_EQ(limit_.known_limit(), 4U);
  limit_.succeeded(1, now_);
  EXPECT_EQ(limit_.limit(), 4U);
  EXPECT_TRUE(limit_.overloaded(limit_.round(), 4, now_, RequestLimit::Overload::unanswered));
  limit_.succeeded(1, now_);
  EXPECT_EQ(limit_.limit(), 2U);

  start(16);
  good_round();
  EXPECT_TRUE(limit_.overloaded(limit_.round(), 30, now_));
  EXPECT_EQ(limit_.limit(), 16U) << "the server refused some requests and answered the others";
}

TEST_F(RequestLimitTest, KnowsALimitAfterTheFirstOverload) {
  EXPECT_EQ(limit_.known_limit(), std::nullopt);
  good_round();
  EXPECT_EQ(limit_.limit(), 8U);
  EXPECT_EQ(limit_.known_limit(), std::nullopt);
  overload(8);
  EXPECT_EQ(limit_.known_limit(), 4U);
  now_ += 10min;
  good_round();
  EXPECT_EQ(limit_.known_limit(), 5U) << "one more request may be tried";
}

TEST_F(RequestLimitTest, HalvesOnceForAllRequestsOfOneOverload) {
  start(8);
  const std::uint64_t round = limit_.round();
  EXPECT_TRUE(limit_.overloaded(round, 8, now_));
  EXPECT_EQ(limit_.limit(), 4U);
  for (unsigned left = 7; left > 0; --left) EXPECT_FALSE(limit_.overloaded(round, left, now_));
  EXPECT_EQ(limit_.limit(), 4U);
  overload(4);
  EXPECT_EQ(limit_.limit(), 2U) << "requests that were sent after the limit was lowered";
}

TEST_F(RequestLimitTest, HalvesInFlightIfBelowTheLimit) {
  start(64);
  overload(6);
  EXPECT_EQ(limit_.limit(), 3U);
}

TEST_F(RequestLimitTest, IgnoresAnOverloadOfASingleRequest) {
  EXPECT_FALSE(limit_.overloaded(limit_.round(), 1, now_));
  EXPECT_EQ(limit_.limit(), 4U);
  EXPECT_FALSE(limit_.worth_remembering());
  start(2);
  overload(2);
  EXPECT_EQ(limit_.limit(), 1U);
  overload(1);
  EXPECT_EQ(limit_.limit(), 1U);
}

TEST_F(RequestLimitTest, ReturnsToTheProvenLimit) {
  good_round();
  ASSERT_EQ(limit_.limit(), 8U);
  overload(6);
  EXPECT_EQ(limit_.limit(), 4U) << "half would be 3";
  overload(4);
  EXPECT_EQ(limit_.limit(), 2U) << "the proven limit fails now";
}

TEST_F(RequestLimitTest, GrowsByOneAfterTheHoldTime) {
  start(8);
  overload(8);
  now_ += 5min - 1s;
  for (int i = 0; i < 10; ++i) good_round();
  EXPECT_EQ(limit_.limit(), 4U);
  now_ += 1s;
  good_round();
  EXPECT_EQ(limit_.limit(), 5U);
  good_round();
  EXPECT_EQ(limit_.limit(), 6U);
}

TEST_F(RequestLimitTest, DoublesTheHoldTimeAfterEachOverload) {
  start(8);
  overload(8);
  good_round();
  now_ += 5min;
  good_round();
  ASSERT_EQ(limit_.limit(), 5U);
  overload(5);
  ASSERT_EQ(limit_.limit(), 4U);
  now_ += 10min - 1s;
  good_round();
  EXPECT_EQ(limit_.limit(), 4U);
  now_ += 1s;
  good_round();
  EXPECT_EQ(limit_.limit(), 5U);
}

TEST_F(RequestLimitTest, RemembersUntilAsManyRequestsSucceed) {
  start(4);
  EXPECT_FALSE(limit_.worth_remembering());
  overload(4);
  EXPECT_EQ(limit_.worth_remembering(), 2U);
  now_ += 5min;
  good_round();
  EXPECT_EQ(limit_.worth_remembering(), 3U);
  good_round();
  ASSERT_EQ(limit_.limit(), 4U);
  EXPECT_EQ(limit_.worth_remembering(), 4U);
  good_round();
  EXPECT_FALSE(limit_.worth_remembering()) << "the overload was only a restart";
}

TEST_F(RequestLimitTest, StartsAtTheRememberedLimitWithHoldTime) {
  start(16, 4);
  EXPECT_EQ(limit_.limit(), 4U);
  EXPECT_EQ(limit_.worth_remembering(), 4U);
  good_round();
  EXPECT_EQ(limit_.limit(), 4U);
  now_ += 5min;
  good_round();
  EXPECT_EQ(limit_.limit(), 5U);
  start(2, 4);
  EXPECT_EQ(limit_.limit(), 2U);
}

}  // namespace
}  // namespace sluice::request_limit_test
