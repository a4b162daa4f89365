#include "engine/upload/upload_outcome.h"

#include <gtest/gtest.h>

#include <future>

#include "engine/base/clock.h"

namespace sluice::upload_outcome_test {
namespace {

using namespace std::chrono_literals;

Stages reading_for(double seconds) {
  Stages stages;
  stages.read.busy_s = seconds;
  return stages;
}

TEST(UploadOutcome, PublishesStagesAndNetwork) {
  UploadOutcome outcome;
  EXPECT_FALSE(outcome.network());
  EXPECT_EQ(outcome.stages().read.busy_s, 0);
  outcome.publish(reading_for(2), Answer::Network{.round_trip = 5ms});
  EXPECT_EQ(outcome.stages().read.busy_s, 2);
  ASSERT_TRUE(outcome.network());
  EXPECT_EQ(outcome.network()->round_trip, 5ms);
}

TEST(UploadOutcome, ClearsOnlyNetwork) {
  UploadOutcome outcome;
  outcome.publish(reading_for(2), Answer::Network{.round_trip = 5ms});
  outcome.publish_no_network();
  EXPECT_FALSE(outcome.network());
  EXPECT_EQ(outcome.stages().read.busy_s, 2);
}

TEST(UploadOutcome, EndStoresReportAndClearsNetwork) {
  UploadOutcome outcome;
  outcome.publish(reading_for(2), Answer::Network{.round_trip = 5ms});
  Report report;
  report.name = "scan.h5";
  outcome.end(report);
  EXPECT_FALSE(outcome.network());
  EXPECT_EQ(outcome.report().name, "scan.h5");
  EXPECT_EQ(outcome.wait().name, "scan.h5");
  EXPECT_TRUE(outcome.wait_until(steady_now() - 1s)) << "ended, although the deadline has passed";
}

TEST(UploadOutcome, WaitEndsAtDeadline) {
  UploadOutcome outcome;
  EXPECT_FALSE(outcome.wait_until(steady_now() - 1s));
  EXPECT_FALSE(outcome.wait_until(steady_now() + 1ms));
}

TEST(UploadOutcome, EndWakesAllWaitingThreads) {
  UploadOutcome outcome;
  std::promise<void> two_run[2];
  auto first = std::async(std::launch::async, [&] {
    two_run[0].set_value();
    return outcome.wait().name;
  });
  auto second = std::async(std::launch::async, [&] {
    two_run[1].set_value();
    return outcome.wait_until(steady_now() + 60s);
  });
  for (std::promise<void>& runs : two_run) runs.get_future().wait();
  Report report;
  report.name = "scan.h5";
  outcome.end(report);
  EXPECT_EQ(first.get(), "scan.h5");
  EXPECT_TRUE(second.get());
}

}  // namespace
}  // namespace sluice::upload_outcome_test
