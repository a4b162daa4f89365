#include "engine/policy/request_burst.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

/// Returns the number of answers before a burst; 0: more than 1000.
unsigned answers_until_test(RequestBurst& burst, unsigned uploads) {
  for (unsigned answers = 1; answers <= 1000; ++answers)
    if (burst.answered(uploads)) return answers;
  return 0;
}

void test(RequestBurst& burst, unsigned uploads) {
  for (unsigned i = 0; i < RequestBurst::times; ++i) {
    EXPECT_EQ(answers_until_test(burst, uploads), 2 * uploads);
    burst.done(uploads);
  }
}

TEST(RequestBurst, DoesNotTestAProvenNumber) {
  RequestBurst burst(4);
  EXPECT_EQ(answers_until_test(burst, 4), 0U);
  EXPECT_EQ(answers_until_test(burst, 1), 0U);
}

TEST(RequestBurst, TestsEachNewNumberFourTimes) {
  RequestBurst burst(4);
  test(burst, 8);
  EXPECT_EQ(answers_until_test(burst, 8), 0U);
  test(burst, 16);
  EXPECT_EQ(answers_until_test(burst, 5), 0U) << "fewer than tested";
}

TEST(RequestBurst, ResetsTheCountWhenFewerUploadsRun) {
  RequestBurst burst(4);
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(burst.answered(8));
  EXPECT_FALSE(burst.answered(4));
  EXPECT_EQ(answers_until_test(burst, 8), 16U);
}

TEST(RequestBurst, TestsAgainAfterAnOverload) {
  RequestBurst burst(4);
  test(burst, 16);
  burst.lowered(8);
  EXPECT_EQ(answers_until_test(burst, 8), 0U);
  EXPECT_EQ(answers_until_test(burst, 9), 18U);
}

}  // namespace
}  // namespace sluice
