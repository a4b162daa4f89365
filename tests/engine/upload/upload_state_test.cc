#include "engine/upload/upload_state.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::upload_state_test {
namespace {

using State = UploadState;

std::vector<State> all() {
  std::vector<State> states;
  for (int i = 0; i <= static_cast<int>(State::over); ++i) states.push_back(static_cast<State>(i));
  return states;
}

TEST(UploadState, HasNoTransitionFromOver) {
  for (const State to : all()) EXPECT_FALSE(may_follow(State::over, to));
}

TEST(UploadState, AllowsOverFromEveryOtherState) {
  for (const State from : all()) EXPECT_EQ(may_follow(from, State::over), from != State::over);
}

TEST(UploadState, HasNoTransitionToStarting) {
  for (const State from : all()) EXPECT_FALSE(may_follow(from, State::starting));
}

TEST(UploadState, AllowsDecidingFromEveryWait) {
  for (const State from : all()) {
    if (from == State::over || from == State::deciding) continue;
    EXPECT_TRUE(may_follow(from, State::deciding));
    for (const State to : all()) {
      const bool ends = to == State::deciding || to == State::over;
      EXPECT_EQ(may_follow(from, to), ends) << static_cast<int>(from) << static_cast<int>(to);
    }
  }
}

TEST(UploadState, AllowsSendingOnlyFromDeciding) {
  EXPECT_TRUE(may_follow(State::deciding, State::sending));
  EXPECT_FALSE(may_follow(State::waiting_to_retry, State::sending));
  EXPECT_FALSE(may_follow(State::sending, State::sending));
}

}  // namespace
}  // namespace sluice::upload_state_test
