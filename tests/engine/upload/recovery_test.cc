#include "engine/upload/recovery.h"

#include <gmock/gmock.h>

#include "engine/base/persistence.h"

namespace sluice::recovery_test {
namespace {

using namespace std::chrono_literals;
using Action = Recovery::Action;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto now = Recovery::Time(1000s);

Error transient(int code = 503) {
  return with({ErrorKind::unreachable, "the server is away", code}, Persistence::transient);
}

TEST(Recovery, RetriesTransientErrorWithBackoff) {
  Recovery recovery({});
  auto decision = recovery.decide({.error = transient()}, now, 0.5);
  EXPECT_EQ(decision.action, Action::retry);
  EXPECT_EQ(decision.at, now + 125ms);
  EXPECT_EQ(decision.failures, 1U);
  decision = recovery.decide({.error = transient()}, now, 0.5);
  EXPECT_EQ(decision.at, now + 250ms);
  EXPECT_EQ(recovery.retries(), 2U);
}

TEST(Recovery, FailsPermanentErrorWithUnchangedMessage) {
  Recovery recovery({});
  const auto decision =
      recovery.decide({.error = Error{ErrorKind::failed, "the name is too long", 400}}, now, 0);
  EXPECT_EQ(decision.action, Action::fail);
  EXPECT_EQ(decision.error.message, "the name is too long");
  EXPECT_EQ(recovery.retries(), 0U);
}

TEST(Recovery, FailsRequestNotSafeToRetry) {
  Recovery recovery({});
  const auto decision = recovery.decide(
      {.error = transient(), .may_be_registered = true, .is_unsafe_to_repeat = true}, now, 0);
  EXPECT_EQ(decision.action, Action::fail);
  EXPECT_FALSE(decision.error.retryable);
}

TEST(Recovery, ReportsNumberOfAttemptsAndAdvice) {
  Recovery recovery({.retry = {.retries = 1}});
  EXPECT_EQ(recovery.decide({.error = transient()}, now, 0).action, Action::retry);
  const auto last = recovery.decide({.error = transient()}, now, 0);
  EXPECT_EQ(last.action, Action::fail);
  EXPECT_THAT(last.error.message, EndsWith("; gave up after 2 attempts without progress; nothing "
                                           "was registered; try again later"));
}

TEST(Recovery, OmitsNothingRegisteredWhenUncertain) {
  Recovery recovery({.retry = {.retries = 0}});
  const auto last = recovery.decide({.error = transient(), .may_be_registered = true}, now, 0);
  EXPECT_THAT(last.error.message, Not(HasSubstr("nothing was registered")));
}

TEST(Recovery, RestoresBudgetAfterProgress) {
  Recovery recovery({.retry = {.retries = 1}});
  EXPECT_EQ(recovery.decide({.error = transient()}, now, 0).action, Action::retry);
  recovery.committed(100);
  EXPECT_EQ(recovery.decide({.error = transient()}, now, 0).action, Action::retry);
  recovery.committed(100);  // no new bytes
  EXPECT_EQ(recovery.decide({.error = transient()}, now, 0).action, Action::fail);
}

TEST(Recovery, WaitsOneSecondAfterRefusalOfReverseProxy) {
  Recovery recovery({});
  EXPECT_EQ(recovery.decide({.error = transient(404)}, now, 0).at, now + 1s);
  EXPECT_EQ(recovery.decide({.error = transient(503)}, now, 0).at, now);
}

TEST(Recovery, RetriesKnownServerWithinWholeBudget) {
  const Error few = with({ErrorKind::unreachable, "no such host", 6}, Persistence::few_tries);
  Recovery unknown({});
  Recovery known({.retry = {}, .server_is_known = true});
  for (unsigned i = 1; i < few_tries; ++i) {
    EXPECT_EQ(unknown.decide({.error = few}, now, 0).action, Action::retry);
    EXPECT_EQ(known.decide({.error = few}, now, 0).action, Action::retry);
  }
  EXPECT_EQ(unknown.decide({.error = few}, now, 0).action, Action::fail);
  EXPECT_EQ(known.decide({.error = few}, now, 0).action, Action::retry);
}

TEST(Recovery, RenewsTokenAfterLastRetry) {
  Recovery recovery({.retry = {.retries = 0}});
  const Error refused = with({ErrorKind::token_refused, "HTTP 401", 401}, Persistence::transient);
  EXPECT_EQ(recovery.decide({.error = refused}, now, 0).action, Action::renew_token);
}

TEST(Recovery, ObeysRetryAfter) {
  Recovery recovery({});
  EXPECT_EQ(recovery.decide({.error = transient(), .retry_after = 30s}, now, 0).at, now + 30s);
}

TEST(Recovery, LimitsRestarts) {
  Recovery recovery({.retry = {.retries = 2}});
  EXPECT_TRUE(recovery.may_start_over());
  EXPECT_TRUE(recovery.may_start_over());
  EXPECT_TRUE(recovery.may_start_over());
  EXPECT_FALSE(recovery.may_start_over());
  EXPECT_EQ(recovery.losses(), 4U);
}

}  // namespace
}  // namespace sluice::recovery_test
