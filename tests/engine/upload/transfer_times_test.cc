#include "engine/upload/transfer_times.h"

#include <gtest/gtest.h>

#include "tests/engine/upload/manual_clock.h"

namespace sluice::transfer_times_test {
namespace {

using namespace std::chrono_literals;
using At = TransferTimes::At;

class TransferTimesTest : public testing::Test {
 protected:
  TransferTimesTest() { times_.begin(); }

  /// Moves a request to stage `to`, and advances the clock.
  void change(At from, At to, std::chrono::seconds then) {
    times_.change(from, to);
    clock_.now += then;
  }
  Stages stages() const { return times_.stages(clocks_); }

  test::ManualClock clock_;
  PipelineClocks clocks_;
  TransferTimes times_;
};

TEST_F(TransferTimesTest, CountsTimeOfEachStage) {
  change(At::nothing, At::sending, 1s);
  change(At::sending, At::read, 2s);
  change(At::read, At::checksum, 4s);
  change(At::checksum, At::journal, 8s);
  change(At::journal, At::answer, 16s);
  change(At::answer, At::nothing, 32s);
  EXPECT_EQ(times_.seconds(), 63);
  EXPECT_EQ(times_.answer_s(), 16);
  EXPECT_EQ(stages().send.busy_s, 1);
  EXPECT_EQ(stages().wait_for_read_s, 2);
  EXPECT_EQ(stages().wait_for_checksum_s, 4);
  EXPECT_EQ(stages().wait_for_journal_s, 8);
  EXPECT_EQ(stages().send.wait_s, 14);
  EXPECT_EQ(stages().server.busy_s, 16);
  EXPECT_EQ(stages().server.wait_s, 47);
}

/// A second request must not double the time, and an earlier stage takes precedence.
TEST_F(TransferTimesTest, CountsEachMomentOnceForEarliestStage) {
  change(At::nothing, At::answer, 1s);
  change(At::nothing, At::read, 2s);
  change(At::nothing, At::sending, 4s);
  change(At::sending, At::answer, 8s);
  change(At::read, At::answer, 16s);
  EXPECT_EQ(stages().send.busy_s, 4);
  EXPECT_EQ(stages().wait_for_read_s, 2 + 8);
  EXPECT_EQ(times_.answer_s(), 1 + 16);
}

TEST_F(TransferTimesTest, CountsRunningStageUpToNow) {
  change(At::nothing, At::journal, 3s);
  EXPECT_EQ(stages().wait_for_journal_s, 3);
  clock_.now += 1s;
  EXPECT_EQ(stages().wait_for_journal_s, 4);
}

/// The kernel sends for some time after the last byte was handed to it, and the answer needs a
/// round trip: neither is time of the server.
TEST_F(TransferTimesTest, CountsKernelAndRoundTripAsSending) {
  change(At::nothing, At::answer, 10s);
  Answer answer;
  answer.network = {.since_sent = 7s, .round_trip = 2s};
  times_.answered(0, answer);
  EXPECT_EQ(times_.answer_s(), 10);
  EXPECT_EQ(times_.idle_s(), 7);
  EXPECT_EQ(stages().send.busy_s, 3 + 2);
  EXPECT_EQ(stages().server.busy_s, 5);
}

TEST_F(TransferTimesTest, LimitsMeasurementsToTimeOfTheWait) {
  change(At::nothing, At::answer, 10s);
  Answer answer;
  answer.network = {.since_sent = 60s, .round_trip = 60s};
  times_.answered(6, answer);
  EXPECT_EQ(times_.idle_s(), 10) << "the kernel had sent everything before";
  EXPECT_EQ(stages().send.busy_s, 4);
  EXPECT_EQ(stages().server.busy_s, 6);
}

TEST_F(TransferTimesTest, CountsWholeWaitWithoutMeasurement) {
  change(At::nothing, At::answer, 10s);
  times_.answered(0, Answer());
  EXPECT_EQ(times_.idle_s(), 10);
  EXPECT_EQ(stages().server.busy_s, 10);
}

}  // namespace
}  // namespace sluice::transfer_times_test
