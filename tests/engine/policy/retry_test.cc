#include "engine/policy/retry.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "engine/base/persistence.h"

namespace sluice::retry_test {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::steady_clock::time_point;

constexpr Time now = Time(1000s);

/// Returns the delay in seconds; -1 for no retry.
double delay(unsigned failures, double random, std::optional<std::chrono::seconds> retry_after = {},
             const RetryPolicy& policy = {}) {
  const auto at = retry_at(policy, failures, retry_after, now, random);
  return at ? std::chrono::duration<double>(*at - now).count() : -1;
}

TEST(Retry, DoublesTheBoundWithFullJitter) {
  EXPECT_DOUBLE_EQ(delay(1, 0), 0);
  EXPECT_DOUBLE_EQ(delay(1, 0.5), 0.125);
  EXPECT_DOUBLE_EQ(delay(2, 0.5), 0.25);
  EXPECT_DOUBLE_EQ(delay(5, 0.5), 2);
  EXPECT_DOUBLE_EQ(delay(9, 0.5), 30);  // 64 s would be more than the minute
  EXPECT_DOUBLE_EQ(delay(10, 0.5), 30);
  EXPECT_DOUBLE_EQ(delay(10, 0), 0);
}

TEST(Retry, FailsWhenTheBudgetIsExhausted) {
  EXPECT_GE(delay(10, 0.5), 0);
  EXPECT_EQ(delay(11, 0.5), -1);
  EXPECT_EQ(delay(1, 0.5, {}, {.retries = 0}), -1);
  EXPECT_GE(delay(1, 0.5, {}, {.retries = 1}), 0);
  // No overflow: 250 ms doubled a million times.
  EXPECT_DOUBLE_EQ(delay(1'000'000, 0.5, {}, {.retries = 1'000'000}), 30);
}

TEST(Retry, HonoursRetryAfterUpToAnHour) {
  EXPECT_DOUBLE_EQ(delay(1, 0, 30s), 30);
  EXPECT_DOUBLE_EQ(delay(9, 0.999, 30s), 30.25) << "a small jitter is added";
  EXPECT_DOUBLE_EQ(delay(1, 0, 0s), 0);
  EXPECT_DOUBLE_EQ(delay(1, 0, std::chrono::hours(24 * 7)), 3600);
  EXPECT_DOUBLE_EQ(delay(1, 0, std::chrono::seconds(-5)), 0);
  EXPECT_EQ(delay(11, 0, 30s), -1);
}

TEST(RetryBudget, OnlyNewBytesResetTheBudget) {
  RetryBudget budget;
  EXPECT_EQ(budget.failed(), 1U);
  EXPECT_EQ(budget.failed(), 2U);
  budget.committed(0);
  EXPECT_EQ(budget.failed(), 3U);
  budget.committed(100);
  EXPECT_EQ(budget.failed(), 1U);
  // The server lost the bytes and got them again: no progress.
  budget.committed(50);
  budget.committed(100);
  EXPECT_EQ(budget.failed(), 2U);
  budget.committed(101);
  EXPECT_EQ(budget.failed(), 1U);
}

/// After a restart from the beginning, bytes count as progress again; the restarts are counted.
TEST(RetryBudget, RestartCountsBytesAgain) {
  RetryBudget budget;
  budget.committed(1000);
  budget.failed();
  EXPECT_EQ(budget.start_over(), 1U);
  budget.committed(10);
  EXPECT_EQ(budget.failed(), 1U);
  EXPECT_EQ(budget.start_over(), 2U);
}

/// A link that fails once an hour for three days, and a link that fails every time.
TEST(RetryBudget, SurvivesHourlyFailuresButNotTenInARow) {
  RetryBudget hourly;
  for (std::uint64_t hour = 1; hour <= 72; ++hour) {
    EXPECT_TRUE(retry_at({}, hourly.failed(), {}, now, 0.5));
    hourly.committed(hour * 400'000'000'000);
  }
  RetryBudget dead;
  unsigned tries = 1;
  while (retry_at({}, dead.failed(), {}, now, 0.5)) ++tries;
  EXPECT_EQ(tries, 11U);
}

/// Returns the delays of all retries, in seconds, if `error` occurs every time.
std::vector<double> tries_after(RetryBudget& budget, const Error& error, double random = 0,
                                const RetryPolicy& policy = {}) {
  std::vector<double> waits;
  while (const auto when = budget.next_try(policy, error, {}, now, random))
    waits.push_back(std::chrono::duration<double>(*when - now).count());
  return waits;
}

TEST(RetryBudget, RetriesLastingErrorsAFewTimes) {
  const Error lasting = with({}, Persistence::few_tries);
  RetryBudget budget;
  EXPECT_EQ(tries_after(budget, lasting), (std::vector<double>{1, 2, 4}));
  EXPECT_EQ(budget.failures(), few_tries);
  // Only new bytes reset the count; other requests may be answered in between.
  EXPECT_EQ(tries_after(budget, lasting), std::vector<double>());
  budget.committed(1);
  EXPECT_EQ(tries_after(budget, lasting).size(), 3U);
  // Jitter is added.
  budget.committed(2);
  for (const double wait : tries_after(budget, lasting, 0.999)) EXPECT_GE(wait, 1.2);
  // A policy with fewer retries wins, and so do its delays.
  RetryBudget two;
  EXPECT_EQ(tries_after(two, lasting, 0, {.retries = 1}).size(), 1U);
  RetryBudget quick;
  EXPECT_EQ(tries_after(quick, lasting, 0, {.first = 1ms, .longest = 1ms}),
            (std::vector<double>{0, 0, 0}));
}

TEST(RetryBudget, CountsRetriesOfAnErrorThatContinues) {
  const Error lasting = with({}, Persistence::few_tries);
  const Error transient = with({}, Persistence::transient);
  RetryBudget budget;
  EXPECT_TRUE(budget.next_try({}, transient, {}, now, 0));
  EXPECT_EQ(budget.most_retries({}, transient), 10U);
  for (unsigned i = 1; i < few_tries; ++i) {
    EXPECT_TRUE(budget.next_try({}, lasting, {}, now, 0));
    EXPECT_EQ(budget.most_retries({}, lasting), few_tries) << "one transient, and three of these";
  }
  EXPECT_EQ(budget.failures(), few_tries);
  EXPECT_FALSE(budget.next_try({}, lasting, {}, now, 0));
  RetryBudget fewer;
  EXPECT_TRUE(fewer.next_try({.retries = 2}, lasting, {}, now, 0));
  EXPECT_EQ(fewer.most_retries({.retries = 2}, lasting), 2U);
}

TEST(RetryBudget, OtherErrorsDoNotResetLastingErrors) {
  RetryBudget budget;
  const Error lasting = with({}, Persistence::few_tries);
  const Error transient = with({}, Persistence::transient);
  for (unsigned i = 1; i < few_tries; ++i) {
    EXPECT_TRUE(budget.next_try({}, lasting, {}, now, 0));
    EXPECT_TRUE(budget.next_try({}, transient, {}, now, 0));
  }
  EXPECT_FALSE(budget.next_try({}, lasting, {}, now, 0));
  RetryBudget other;
  EXPECT_EQ(tries_after(other, transient).size(), 10U);
}

TEST(Retry, SetsRetryFieldsByPersistence) {
  EXPECT_FALSE(with({ErrorKind::failed, "", 0, true}, Persistence::permanent).retryable);
  EXPECT_TRUE(with({}, Persistence::few_tries).retryable);
  EXPECT_EQ(with({}, Persistence::few_tries).most_tries, few_tries);
  EXPECT_TRUE(with({}, Persistence::transient).retryable);
  EXPECT_EQ(with({ErrorKind::failed, "", 0, true, 7}, Persistence::transient).most_tries, 0U);
}

}  // namespace
}  // namespace sluice::retry_test
