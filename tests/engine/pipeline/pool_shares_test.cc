#include "engine/pipeline/pool_shares.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace sluice::pool_shares_test {
namespace {

class PoolSharesTest : public testing::Test {
 protected:
  using Share = std::unique_ptr<PoolShares::Share>;

  static std::size_t most(const Share& share) { return share->buffers().available(); }

  std::unique_ptr<BufferPool> pool_ = *BufferPool::create(4096, 16);
};

TEST_F(PoolSharesTest, SingleUploadHasAllBuffers) {
  PoolShares shares(*pool_, 1);
  const Share only = shares.add();
  EXPECT_EQ(most(only), 16U);
  EXPECT_EQ(only->planned(), 16U);
}

TEST_F(PoolSharesTest, FirstUploadsLeaveBuffersForLaterOnes) {
  PoolShares shares(*pool_, 4);
  std::vector<Share> running;
  for (int i = 0; i < 4; ++i) {
    running.push_back(shares.add());
    for (const Share& share : running) EXPECT_EQ(most(share), 4U) << i;
  }
}

TEST_F(PoolSharesTest, LastUploadsGetTheBuffersOfFinishedOnes) {
  PoolShares shares(*pool_, 4);
  std::vector<Share> running;
  for (int i = 0; i < 4; ++i) running.push_back(shares.add());
  running[0]->leave();
  running[0]->leave();
  EXPECT_EQ(most(running[3]), 5U);
  running[1].reset();
  EXPECT_EQ(most(running[3]), 8U);
  running[2].reset();
  EXPECT_EQ(most(running[3]), 16U);
  running[3].reset();

  const Share next = shares.add();
  EXPECT_EQ(most(next), 4U) << "more uploads may start again";
}

TEST_F(PoolSharesTest, ExtraUploadsShrinkSharesDownToTheNeed) {
  PoolShares shares(*pool_, 1);
  const Share first = shares.add();
  first->needs(6);
  std::vector<Share> others;
  others.push_back(shares.add());
  EXPECT_EQ(most(first), 8U);
  others.push_back(shares.add());
  others.push_back(shares.add());
  others[0]->needs(1);
  EXPECT_EQ(most(first), 6U);
  EXPECT_EQ(most(others[0]), 4U);
  for (int i = 0; i < 60; ++i) others.push_back(shares.add());
  EXPECT_EQ(most(first), 6U);
  EXPECT_EQ(most(others[0]), 2U) << "the uploads take turns";
}

TEST_F(PoolSharesTest, DividesAnewWhenTheNumberOfUploadsChanges) {
  PoolShares shares(*pool_, 4);
  const Share first = shares.add();
  first->needs(1);
  EXPECT_EQ(most(first), 4U);
  shares.set_at_a_time(8);
  EXPECT_EQ(most(first), 2U) << "buffers are kept for later uploads";
  EXPECT_EQ(first->planned(), 4U);
  shares.set_at_a_time(1);
  EXPECT_EQ(most(first), 16U) << "no upload follows";
}

/// Otherwise a deadlock is possible: each upload holds a part of its chunk and waits for the
/// others' buffers.
TEST_F(PoolSharesTest, PlannedNeedsNeverDeadlock) {
  PoolShares shares(*pool_, 4);
  std::vector<Share> running;
  std::size_t beyond_one = 0;
  for (unsigned at_a_time = 4; at_a_time <= 64; at_a_time *= 2) {
    shares.set_at_a_time(at_a_time);
    while (running.size() < at_a_time) {
      running.push_back(shares.add());
      const std::size_t planned = running.back()->planned();
      ASSERT_GE(planned, 1U);
      running.back()->needs(planned);
      beyond_one += planned - 1;
      ASSERT_LT(beyond_one, pool_->count()) << running.size();
    }
  }
  running.clear();
  shares.set_at_a_time(4);
  EXPECT_EQ(shares.add()->planned(), 4U);
}

TEST_F(PoolSharesTest, ExcessBuffersReturnBeforeNewOnesAreLent) {
  PoolShares shares(*pool_, 1);
  const Share first = shares.add();
  first->needs(1);
  std::vector<Buffer> held;
  for (int i = 0; i < 10; ++i) held.push_back(first->buffers().try_acquire());
  const Share second = shares.add();
  EXPECT_FALSE(first->buffers().try_acquire()) << "8 buffers each";
  held.resize(8);
  EXPECT_FALSE(first->buffers().try_acquire());
  held.pop_back();
  EXPECT_TRUE(first->buffers().try_acquire());
}

}  // namespace
}  // namespace sluice::pool_shares_test
