#include "engine/http/rate_limiter.h"

#include <gtest/gtest.h>

namespace sluice::rate_limiter_test {
namespace {

using Clock = RateLimiter::Clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(RateLimiter, NoLimitGrantsEverything) {
  RateLimiter limiter(0);
  EXPECT_EQ(limiter.take(1 << 30, Clock::time_point{}), std::size_t{1} << 30);
}

/// Returns the bytes that a sender gets in `duration` if it retries whenever next() says so.
std::uint64_t sent_in(RateLimiter& limiter, Clock::duration duration, std::size_t wanted) {
  Clock::time_point now{std::chrono::hours(1)};
  const auto end = now + duration;
  std::uint64_t sent = 0;
  while (now < end) {
    const std::size_t granted = limiter.take(wanted, now);
    sent += granted;
    if (granted == 0) {
      const auto next = limiter.next(wanted, now);
      EXPECT_GT(next, now) << "a next() of 'now' would cause a busy loop";
      now = next;
    }
  }
  return sent;
}

TEST(RateLimiter, MeanRateEqualsLimitForAnyPieceSize) {
  for (const std::uint64_t rate :
       {std::uint64_t{64} << 10, std::uint64_t{1} << 20, std::uint64_t{1} << 30})
    for (const std::size_t piece :
         {std::size_t{1000}, std::size_t{64} << 10, std::size_t{2} << 20}) {
      RateLimiter limiter(rate);
      const double sent = static_cast<double>(sent_in(limiter, std::chrono::seconds(10), piece));
      EXPECT_LE(sent, static_cast<double>(rate) * 10 * 1.03) << rate << " " << piece;
      EXPECT_GE(sent, static_cast<double>(rate) * 10 * 0.95) << rate << " " << piece;
    }
}

TEST(RateLimiter, PauseAllowsAtMostOneBurst) {
  RateLimiter limiter(8 << 20);
  const Clock::time_point start{std::chrono::hours(1)};
  limiter.take(1, start);
  EXPECT_LE(limiter.take(1 << 30, start + std::chrono::hours(1)), std::size_t{1} << 20);
}

TEST(RateLimiter, ReturnedBytesCanBeTakenAgain) {
  RateLimiter limiter(8 << 20);
  const Clock::time_point start{std::chrono::hours(1)};
  limiter.take(1, start);
  const auto later = start + milliseconds(50);
  const std::size_t granted = limiter.take(1 << 20, later);
  ASSERT_GT(granted, 0U);
  EXPECT_EQ(limiter.take(granted, later), 0U);
  limiter.give_back(granted);
  EXPECT_EQ(limiter.take(granted, later), granted);
}

TEST(RateLimiter, SmallPieceNeedsNoFullGrant) {
  RateLimiter limiter(1 << 20);
  const Clock::time_point start{std::chrono::hours(1)};
  limiter.take(1, start);
  EXPECT_EQ(limiter.take(10, start + milliseconds(1)), 10U);
  // At 1 byte per second, it does not wait for 16 KiB either.
  RateLimiter slow(1);
  slow.take(1, start);
  EXPECT_LE(slow.next(300, start), start + std::chrono::seconds(301));
}

}  // namespace
}  // namespace sluice::rate_limiter_test
