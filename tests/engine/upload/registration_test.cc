#include "engine/upload/registration.h"

#include <gtest/gtest.h>

namespace sluice::registration_test {
namespace {

using namespace std::chrono_literals;
using Step = Request::Step;
using State = Registration::State;
using Next = Registration::Next;
using Time = Registration::Time;

constexpr Time start = Time(1000s);
constexpr auto wait = 60s;

Registration asked() {
  return Registration({.can_ask = true, .wait = wait});
}
Registration never_asked() {
  return Registration({.can_ask = false, .wait = wait});
}

TEST(Registration, StartsUnsentAndAllowsEveryRequest) {
  Registration registration = asked();
  EXPECT_EQ(registration.state(), State::unsent);
  EXPECT_FALSE(registration.may_be_registered());
  for (const Step step : {Step::begin, Step::chunk, Step::finish, Step::whole})
    EXPECT_EQ(registration.before(step, start).next, Next::send);
}

TEST(Registration, IsUnsentAfterRefusal) {
  Registration registration = asked();
  registration.sent();
  EXPECT_TRUE(registration.may_be_registered());
  EXPECT_FALSE(registration.answered(start, /*refused=*/true, start + 1s));
  EXPECT_EQ(registration.state(), State::unsent);
  EXPECT_EQ(registration.before(Step::finish, start + 1s).next, Next::send);
}

TEST(Registration, IsUnsentAfterIncompleteRequest) {
  Registration registration = asked();
  registration.sent();
  EXPECT_FALSE(registration.answered({}, /*refused=*/false, start));
  EXPECT_EQ(registration.state(), State::unsent);
  EXPECT_EQ(registration.before(Step::finish, start).next, Next::send);
}

TEST(Registration, AsksForNameAfterLostAnswer) {
  Registration registration = asked();
  registration.sent();
  EXPECT_TRUE(registration.answered(start, /*refused=*/false, start + 1s));
  EXPECT_EQ(registration.state(), State::in_doubt);
  // Questions to the server are always allowed.
  EXPECT_EQ(registration.before(Step::ask_name, start + 2s).next, Next::send);
  EXPECT_EQ(registration.before(Step::ask_committed, start + 2s).next, Next::send);
  const auto first = registration.before(Step::finish, start + 2s);
  EXPECT_EQ(first.next, Next::ask_later);
  EXPECT_EQ(first.at, start + 2s + pause_between_questions(wait));
  EXPECT_EQ(registration.before(Step::begin, start + 59s).next, Next::ask_later);
  const auto last = registration.before(Step::finish, start + 59s);
  EXPECT_EQ(last.at, start + wait);
}

TEST(Registration, WaitsThirtySecondsAfterLateError) {
  Registration registration = asked();
  registration.sent();
  // The error came after the wait since the last byte had ended.
  registration.answered(start, /*refused=*/false, start + 100s);
  EXPECT_EQ(registration.before(Step::finish, start + 129s).next, Next::ask_later);
  EXPECT_EQ(registration.before(Step::finish, start + 130s).next, Next::ask_now);
}

TEST(Registration, IsSentAgainIfNameIsFreeAfterWait) {
  Registration registration = asked();
  registration.sent();
  registration.answered(start, /*refused=*/false, start);
  registration.name_asked(start + 59s);  // too early: the wait has not ended
  EXPECT_EQ(registration.before(Step::finish, start + 61s).next, Next::ask_now);
  EXPECT_TRUE(registration.may_be_registered());
  registration.name_asked(start + 61s);
  EXPECT_EQ(registration.before(Step::finish, start + 62s).next, Next::send);
  EXPECT_EQ(registration.state(), State::unsent);
  EXPECT_EQ(registration.before(Step::finish, start + 62s).next, Next::send);
}

TEST(Registration, InheritsDoubtOfEarlierRun) {
  Registration registration = asked();
  registration.inherit_doubt(start);
  EXPECT_TRUE(registration.may_be_registered());
  EXPECT_TRUE(registration.has_inherited_doubt());
  // The wait, plus 30 s because the journal's time is inexact.
  EXPECT_EQ(registration.before(Step::chunk, start + 89s).next, Next::ask_later);
  registration.name_asked(start + 90s);
  EXPECT_EQ(registration.before(Step::chunk, start + 90s).next, Next::send);
  EXPECT_FALSE(registration.may_be_registered());
  // A refused request of this run does not resolve the doubt of the earlier run.
  registration.sent();
  registration.answered(start + 100s, /*refused=*/true, start + 101s);
  EXPECT_EQ(registration.state(), State::in_doubt);
}

TEST(Registration, DoesNotWaitIfServerCannotBeAsked) {
  Registration registration = never_asked();
  registration.sent();
  EXPECT_TRUE(registration.answered(start, /*refused=*/false, start));
  EXPECT_EQ(registration.state(), State::in_doubt);
  EXPECT_EQ(registration.before(Step::finish, start).next, Next::send)
      << "it is sent only with --register-again";
}

TEST(Registration, IsConfirmedByTheServer) {
  Registration registration = asked();
  registration.sent();
  registration.confirm();
  EXPECT_TRUE(registration.is_confirmed());
  EXPECT_FALSE(registration.may_be_registered());
}

TEST(Registration, AsksEveryThirtiethOfWaitAtLeastOneSecond) {
  EXPECT_EQ(pause_between_questions(3s), 1s);
  EXPECT_EQ(pause_between_questions(300s), 10s);
}

}  // namespace
}  // namespace sluice::registration_test
