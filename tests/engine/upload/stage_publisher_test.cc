#include "engine/upload/stage_publisher.h"

#include <gtest/gtest.h>

#include "tests/engine/upload/fake_transport.h"
#include "tests/engine/upload/manual_clock.h"

namespace sluice::stage_publisher_test {
namespace {

using namespace std::chrono_literals;

class StagePublisherTest : public testing::Test {
 protected:
  void publish() { publisher_->publish(transport_, owner_); }
  void pass(std::chrono::milliseconds time) {
    clock_.now += time;
    transport_.run_until(clock_.now);
  }
  int samples() const { return samples_; }

  test::ManualClock clock_;
  test::FakeTransport transport_;
  UploadOutcome outcome_;
  bool in_flight_ = true;
  int samples_ = 0;
  std::shared_ptr<int> owner_ = std::make_shared<int>();
  std::unique_ptr<StagePublisher> publisher_ = std::make_unique<StagePublisher>(
      StagePublisher::Setting{.outcome = outcome_,
                              .stages =
                                  [this] {
                                    ++samples_;
                                    return Stages();
                                  },
                              .network =
                                  [] {
                                    Answer::Network network;
                                    network.round_trip = 5ms;
                                    return std::optional(network);
                                  },
                              .in_flight = [this] { return in_flight_; }});
};

TEST_F(StagePublisherTest, PublishesAtMostFourTimesASecond) {
  publish();
  publish();
  EXPECT_EQ(samples(), 1);
  EXPECT_EQ(outcome_.network()->round_trip, 5ms);
  clock_.now += 249ms;
  publish();
  EXPECT_EQ(samples(), 1);
  clock_.now += 1ms;
  publish();
  EXPECT_EQ(samples(), 2);
}

TEST_F(StagePublisherTest, PublishesWithoutProgressWhileARequestIsInFlight) {
  publish();
  for (int i = 2; i <= 5; ++i) {
    pass(250ms);
    EXPECT_EQ(samples(), i);
  }
}

TEST_F(StagePublisherTest, ClearsTheMeasurementsWhenNoRequestIsInFlight) {
  publish();
  in_flight_ = false;
  pass(250ms);
  EXPECT_EQ(samples(), 1);
  EXPECT_FALSE(outcome_.network());
  EXPECT_FALSE(transport_.next_due()) << "scheduled although nothing is in flight";
}

TEST_F(StagePublisherTest, PublishesNothingAfterTheEnd) {
  publish();
  publisher_->stop();
  pass(250ms);
  EXPECT_EQ(samples(), 1);
  EXPECT_TRUE(outcome_.network()) << "the last measurements stay";
}

TEST_F(StagePublisherTest, PublishesNothingWithoutItsOwner) {
  publish();
  owner_.reset();
  publisher_.reset();
  pass(250ms);
  EXPECT_EQ(samples(), 1);
}

}  // namespace
}  // namespace sluice::stage_publisher_test
