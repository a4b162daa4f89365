#include "engine/http/thread_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sluice::thread_choice_test {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t large = std::uint64_t{5} << 30;
constexpr std::uint64_t small = 10'000;

std::vector<unsigned> place(ThreadChoice& choice, int uploads, std::uint64_t bytes) {
  std::vector<unsigned> threads;
  for (int i = 0; i < uploads; ++i) threads.push_back(choice.place(bytes));
  return threads;
}

TEST(ThreadChoice, DistributesUploadsOverRequestedThreads) {
  ThreadChoice choice(3, true);
  EXPECT_THAT(place(choice, 5, small), ElementsAre(0, 1, 2, 0, 1));
  choice.leave(1);
  choice.leave(1);
  EXPECT_THAT(place(choice, 3, small), ElementsAre(1, 1, 2));
}

TEST(ThreadChoice, AssignsAllUploadsToTheOnlyThread) {
  ThreadChoice choice(1, false);
  EXPECT_THAT(place(choice, 3, large), ElementsAre(0, 0, 0));
  choice.measured(0, 1.0);
  EXPECT_EQ(choice.place(large), 0U);
  EXPECT_EQ(choice.uploads(0), 4U);
}

TEST(ThreadChoice, DistributesLargeUploadsThatStartTogether) {
  ThreadChoice choice(2, false);
  EXPECT_THAT(place(choice, 4, large), ElementsAre(0, 1, 0, 1));
}

TEST(ThreadChoice, KeepsSmallUploadsOnOneThread) {
  ThreadChoice choice(4, false);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(choice.place(small), 0U);
}

TEST(ThreadChoice, AvoidsThreadWithHighLoad) {
  ThreadChoice choice(2, false);
  EXPECT_EQ(choice.place(small), 0U);
  choice.measured(0, 0.59);
  choice.measured(1, 0);
  EXPECT_EQ(choice.place(small), 0U);
  choice.measured(0, 0.61);
  choice.measured(1, 0);
  EXPECT_EQ(choice.place(small), 1U);
  choice.measured(0, 0.61);
  choice.measured(1, 0.61);
  EXPECT_EQ(choice.place(small), 1U) << "the thread with the fewest uploads";
}

TEST(ThreadChoice, ReplacesExpectedLoadByMeasuredLoad) {
  ThreadChoice choice(2, false);
  EXPECT_EQ(choice.place(large), 0U);
  for (int second = 0; second < 2; ++second) {
    choice.measured(0, 0.1);  // a slow link
    choice.measured(1, 0);
  }
  EXPECT_EQ(choice.place(large), 0U);
}

TEST(ThreadChoice, IdleResetsLoad) {
  ThreadChoice choice(2, false);
  EXPECT_EQ(choice.place(large), 0U);
  choice.measured(0, 0.9);
  choice.leave(0);
  choice.idle();
  EXPECT_EQ(choice.place(large), 0U);
}

TEST(ThreadChoice, UsesOnlyThreadsWithinLimit) {
  ThreadChoice choice(3, true);
  EXPECT_EQ(choice.place(small), 0U);
  choice.limit(1);
  EXPECT_THAT(place(choice, 2, small), ElementsAre(0, 0));
}

}  // namespace
}  // namespace sluice::thread_choice_test
