#include "engine/base/mailbox.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::mailbox_test {
namespace {

using namespace std::chrono_literals;
using Time = Mailbox::Clock::time_point;

TEST(Mailbox, RunsWorkInOrderAndTimedWorkWhenDue) {
  Mailbox mailbox;
  std::string done;
  mailbox.post_at(Time(20s), [&] { done += 'c'; });
  mailbox.post_at(Time(10s), [&] { done += 'b'; });
  mailbox.post([&] { done += 'a'; });
  EXPECT_EQ(mailbox.next_due(), Time(10s));
  mailbox.run_due(Time(9s));
  EXPECT_EQ(done, "a");
  mailbox.run_due(Time(10s));
  EXPECT_EQ(done, "ab");
  EXPECT_EQ(mailbox.next_due(), Time(20s));
  mailbox.run_due(Time(30s));
  EXPECT_EQ(done, "abc");
  EXPECT_FALSE(mailbox.next_due());
}

TEST(Mailbox, DefersWorkPostedByWorkToNextCall) {
  Mailbox mailbox;
  int runs = 0;
  const std::function<void()> again = [&] {
    if (++runs < 5) mailbox.post(again);
  };
  mailbox.post(again);
  mailbox.run_due(Time(0s));
  EXPECT_EQ(runs, 1);
  bool timed = false;
  mailbox.post_at(Time(1000s), [&] { timed = true; });
  mailbox.run_all();
  EXPECT_EQ(runs, 5) << "run_all() runs the work that work posts";
  EXPECT_TRUE(timed) << "run_all() runs timed work before it is due";
}

}  // namespace
}  // namespace sluice::mailbox_test
