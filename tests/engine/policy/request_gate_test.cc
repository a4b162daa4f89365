// RequestGate: which upload may send, in which order, and what happens when the limit is lowered.
#include "engine/policy/request_gate.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::request_gate_test {
namespace {

class RequestGateTest : public testing::Test {
 protected:
  void make(unsigned first) {
    gate_.emplace(RequestGate::Setting{
        .limit = RequestLimit({.first = first}),
        .post_at = [this](RequestGate::Clock::time_point,
                          std::function<void()> work) { timers_.push_back(std::move(work)); },
        .on_change = [this](std::optional<unsigned> limit) { remembered_.push_back(limit); }});
    for (int i = 0; i < 8; ++i)
      turns_.push_back(std::make_unique<RequestGate::Turn>(
          &*gate_, RequestGate::Rule::queues,
          [this](std::function<void()> work) { posted_.push_back(std::move(work)); }));
  }
  ~RequestGateTest() override { turns_.clear(); }

  RequestGate::Turn& turn(std::size_t i) { return *turns_[i]; }
  bool take(std::size_t i) {
    return turn(i).take([this, i] { called_.push_back(i); });
  }
  void run_posted() {
    while (!posted_.empty()) {
      const auto work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
  }

  void run_timers() {
    for (const auto& work : std::exchange(timers_, {})) work();
  }
  /// Answers the first `count` uploads until a burst is gathered.
  void answer_until_gathered(std::size_t count) {
    for (std::size_t round = 0; round < 2; ++round)
      for (std::size_t i = 0; i < count; ++i) {
        turn(i).sent();
        turn(i).succeeded();
      }
  }

  /// Gathers a burst of three uploads; the last one has a request in flight.
  void make_two_of_three_wait() {
    make(2);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(take(i));
    answer_until_gathered(2);
    EXPECT_TRUE(take(2));
    answer_until_gathered(3);
    EXPECT_FALSE(take(0));
    EXPECT_FALSE(take(1));
  }

  std::deque<std::function<void()>> posted_;
  std::vector<std::function<void()>> timers_;
  std::vector<std::optional<unsigned>> remembered_;
  std::vector<std::size_t> called_;
  std::optional<RequestGate> gate_;
  std::vector<std::unique_ptr<RequestGate::Turn>> turns_;
};

using Calls = std::vector<std::size_t>;

TEST_F(RequestGateTest, AdmitsUpToTheLimitAndQueuesTheRestInOrder) {
  make(2);
  EXPECT_TRUE(take(0));
  EXPECT_TRUE(take(1));
  EXPECT_FALSE(take(2));
  EXPECT_FALSE(take(3));
  EXPECT_TRUE(take(0)) << "a turn is kept from step to step";
  EXPECT_EQ(gate_->held(), 2U);
  EXPECT_EQ(gate_->waiting(), 2U);

  turn(1).leave();
  EXPECT_EQ(called_, Calls{}) << "not within leave()";
  run_posted();
  EXPECT_EQ(called_, Calls{2});
  EXPECT_TRUE(take(2));
  EXPECT_FALSE(take(1)) << "at the end of the queue";
  turn(0).leave();
  turn(2).leave();
  run_posted();
  EXPECT_EQ(called_, (Calls{2, 3, 1}));
}

TEST_F(RequestGateTest, NewTurnQueuesBehindWaitingOnes) {
  make(1);
  EXPECT_TRUE(take(0));
  EXPECT_FALSE(take(1));
  turn(0).leave();
  EXPECT_FALSE(take(2)) << "the upload in front was not called yet";
  run_posted();
  EXPECT_EQ(called_, Calls{1});
}

TEST_F(RequestGateTest, DoesNotCallATurnThatLeft) {
  make(1);
  EXPECT_TRUE(take(0));
  EXPECT_FALSE(take(1));
  EXPECT_FALSE(take(2));
  turn(1).leave();
  turns_[2].reset();
  turn(0).leave();
  run_posted();
  EXPECT_EQ(called_, Calls{});
  EXPECT_EQ(gate_->held(), 0U);
}

TEST_F(RequestGateTest, RepeatedTakeKeepsThePlaceInTheQueue) {
  make(1);
  EXPECT_TRUE(take(0));
  EXPECT_FALSE(take(1));
  EXPECT_FALSE(take(2));
  EXPECT_FALSE(take(1));
  EXPECT_EQ(gate_->waiting(), 2U);
  turn(0).leave();
  run_posted();
  EXPECT_EQ(called_, Calls{1});
}

TEST_F(RequestGateTest, LoweredLimitRevokesTurnsAtTheNextStep) {
  make(4);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(take(i));
    turn(i).sent();
  }
  EXPECT_TRUE(turn(0).overloaded(turn(0).answered()));
  EXPECT_EQ(gate_->limit(), 2U);
  EXPECT_EQ(remembered_, (std::vector<std::optional<unsigned>>{2U}));
  EXPECT_FALSE(turn(1).overloaded(turn(1).answered())) << "sent before";
  EXPECT_EQ(gate_->limit(), 2U);
  EXPECT_FALSE(take(0));
  EXPECT_FALSE(take(1));
  EXPECT_TRUE(take(2));
  EXPECT_TRUE(take(3));
  EXPECT_EQ(gate_->held(), 2U);
  run_posted();
  EXPECT_EQ(called_, Calls{}) << "the limit has no room";
  turn(2).leave();
  run_posted();
  EXPECT_EQ(called_, Calls{0});
}

TEST_F(RequestGateTest, RaisedLimitAdmitsWaitingTurns) {
  make(1);
  EXPECT_TRUE(take(0));
  EXPECT_FALSE(take(1));
  EXPECT_FALSE(take(2));
  turn(0).sent();
  turn(0).succeeded();
  EXPECT_EQ(gate_->limit(), 2U);
  run_posted();
  EXPECT_EQ(called_, Calls{1});
  EXPECT_TRUE(remembered_.empty()) << "no overload was seen";
}

TEST_F(RequestGateTest, KnowsNoLimitBeforeAnOverload) {
  make(4);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(take(i));
    turn(i).sent();
  }
  EXPECT_EQ(gate_->known_limit(), std::nullopt);
  EXPECT_TRUE(turn(0).overloaded(turn(0).answered()));
  EXPECT_EQ(gate_->known_limit(), 2U);
}

TEST_F(RequestGateTest, KnowsARememberedLimit) {
  const RequestGate gate(
      {.limit = RequestLimit({.first = 8, .remembered = 3}), .post_at = {}, .on_change = {}});
  EXPECT_EQ(gate.known_limit(), 3U);
}

TEST_F(RequestGateTest, JudgesAnOverloadByTheMomentOfItsAnswer) {
  make(4);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(take(i));
    turn(i).sent();
  }
  const RequestGate::Moment moment = turn(0).answered();
  for (std::size_t i = 0; i < 4; ++i) turn(i).leave();
  EXPECT_TRUE(turn(0).overloaded(moment));
  EXPECT_EQ(gate_->limit(), 2U);
}

TEST_F(RequestGateTest, GathersABurstForANewNumberOfUploads) {
  make(2);
  EXPECT_TRUE(take(0));
  EXPECT_TRUE(take(1));
  answer_until_gathered(2);
  EXPECT_TRUE(take(0)) << "the initial number needs no test";
  ASSERT_GE(gate_->limit(), 4U);
  EXPECT_TRUE(take(2));
  EXPECT_TRUE(take(3));
  answer_until_gathered(4);
  EXPECT_FALSE(take(0));
  EXPECT_FALSE(take(1));
  EXPECT_FALSE(take(4)) << "the first request of a new upload";
  EXPECT_FALSE(take(2));
  run_posted();
  EXPECT_EQ(called_, Calls{}) << "one has a request in flight";
  EXPECT_FALSE(take(3));
  run_posted();
  EXPECT_EQ(called_, (Calls{0, 1, 4, 2, 3}));
  EXPECT_TRUE(take(0));
  run_timers();
  EXPECT_TRUE(take(1)) << "the burst has ended";
}

TEST_F(RequestGateTest, BurstWaitsForALongRequestForALimitedTime) {
  make_two_of_three_wait();
  run_posted();
  EXPECT_EQ(called_, Calls{});
  run_timers();
  run_posted();
  EXPECT_EQ(called_, (Calls{0, 1}));
  EXPECT_TRUE(take(2));
}

TEST_F(RequestGateTest, LeavingTurnDoesNotDelayABurst) {
  make_two_of_three_wait();
  turn(0).leave();
  turn(2).leave();
  run_posted();
  EXPECT_EQ(called_, Calls{1});
}

TEST_F(RequestGateTest, NonWaitingUploadsLowerTheLimitOnce) {
  make(RequestLimit::most);
  std::vector<std::unique_ptr<RequestGate::Turn>> passing;
  for (int i = 0; i < 6; ++i) {
    passing.push_back(std::make_unique<RequestGate::Turn>(&*gate_, RequestGate::Rule::never_waits));
    EXPECT_TRUE(passing.back()->take([] { ADD_FAILURE() << "there was nothing to wait for"; }));
    passing.back()->sent();
  }
  EXPECT_EQ(gate_->held(), 6U);
  EXPECT_EQ(gate_->known_limit(), std::nullopt);

  EXPECT_TRUE(passing[0]->overloaded(passing[0]->answered()));
  EXPECT_EQ(gate_->known_limit(), 3U);
  // The other uploads still run, and more of their requests are refused.
  passing[1]->sent();
  EXPECT_FALSE(passing[1]->overloaded(passing[1]->answered()));
  EXPECT_TRUE(passing[2]->take([] {}));
  EXPECT_EQ(gate_->known_limit(), 3U);
  passing.resize(3);
  passing[1]->sent();
  EXPECT_TRUE(passing[1]->overloaded(passing[1]->answered()))
      << "not more uploads run than the limit allows";
  EXPECT_EQ(gate_->known_limit(), 1U);
  passing.clear();
  EXPECT_EQ(gate_->held(), 0U);
}

TEST_F(RequestGateTest, NullGateAdmitsEverything) {
  RequestGate::Turn turn(nullptr);
  EXPECT_TRUE(turn.take([] { FAIL(); }));
  turn.sent();
  turn.succeeded();
  EXPECT_FALSE(turn.overloaded(turn.answered()));
  turn.leave();
}

}  // namespace
}  // namespace sluice::request_gate_test
