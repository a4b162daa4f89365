#include "engine/pool_shares.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace sluice {
namespace {

class PoolSharesTest : public testing::Test {
 protected:
  using Share = std::unique_ptr<PoolShares::Share>;

  static std::size_t most(const Share& share) { return share->buffers().available(); }

  std::unique_ptr<BufferPool> pool_ = *BufferPool::create(4096, 16);
};

TEST_F(PoolSharesTest, ASingleUploadHasAllBuffers) {
  PoolShares shares(*pool_, 1, 16);
  const Share only = shares.add();
  EXPECT_EQ(most(only), 16U);
  EXPECT_EQ(only->least(), 16U);
}

TEST_F(PoolSharesTest, TheFirstOnesLeaveRoomForThoseThatFollow) {
  PoolShares shares(*pool_, 4, 4);
  std::vector<Share> running;
  for (int i = 0; i < 4; ++i) {
    running.push_back(shares.add());
    for (const Share& share : running) EXPECT_EQ(most(share), 4U) << i;
  }
}

TEST_F(PoolSharesTest, TheLastOnesHaveTheBuffersOfThoseThatAreOver) {
  PoolShares shares(*pool_, 4, 4);
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
  EXPECT_EQ(most(next), 4U) << "others may follow again";
}

TEST_F(PoolSharesTest, MoreUploadsThanExpectedHaveLessButNeverLessThanTheLeast) {
  PoolShares shares(*pool_, 1, 6);
  const Share first = shares.add();
  const Share second = shares.add();
  EXPECT_EQ(most(first), 8U);
  const Share third = shares.add();
  EXPECT_EQ(most(first), 6U);
  EXPECT_EQ(most(third), 6U);
}

TEST_F(PoolSharesTest, WhatOneHoldsBeyondItsShareComesBackFirst) {
  PoolShares shares(*pool_, 1, 2);
  const Share first = shares.add();
  std::vector<Buffer> held;
  for (int i = 0; i < 10; ++i) held.push_back(first->buffers().try_acquire());
  const Share second = shares.add();
  EXPECT_FALSE(first->buffers().try_acquire()) << "8 each";
  held.resize(8);
  EXPECT_FALSE(first->buffers().try_acquire());
  held.pop_back();
  EXPECT_TRUE(first->buffers().try_acquire());
}

}  // namespace
}  // namespace sluice
