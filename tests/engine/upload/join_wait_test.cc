#include "engine/upload/join_wait.h"

#include <gtest/gtest.h>

namespace sluice::join_wait_test {
namespace {

using namespace std::chrono_literals;

constexpr auto start = JoinWait::Time(1000s);

TEST(JoinWait, IsOpenForMaximumDurationOfJoin) {
  JoinWait wait(60s);
  EXPECT_FALSE(wait.is_open(/*may_be_joining=*/true, start)) << "no join was sent";
  wait.sent(start);
  EXPECT_TRUE(wait.is_open(true, start + 59s));
  EXPECT_FALSE(wait.is_open(true, start + 60s));
  EXPECT_FALSE(wait.is_open(false, start + 1s)) << "the server has answered";
}

TEST(JoinWait, AsksEveryThirtiethOfWaitAndAtItsEnd) {
  JoinWait wait(60s);
  wait.sent(start);
  EXPECT_EQ(wait.ask_at(start + 10s), start + 12s);
  EXPECT_EQ(wait.ask_at(start + 59s), start + 60s);
}

TEST(JoinWait, WarnsOnce) {
  JoinWait wait(60s);
  EXPECT_TRUE(wait.is_first_wait());
  EXPECT_FALSE(wait.is_first_wait());
}

}  // namespace
}  // namespace sluice::join_wait_test
