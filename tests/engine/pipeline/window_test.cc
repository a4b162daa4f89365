#include "engine/pipeline/window.h"

#include <gtest/gtest.h>

#include <memory>

namespace sluice::window_test {
namespace {

class WindowTest : public testing::Test {
 protected:
  static constexpr std::size_t capacity = 4;

  Block block(std::uint64_t number) {
    Block result;
    result.number = number;
    result.buffer = pool_->try_acquire();
    EXPECT_TRUE(result.buffer);
    return result;
  }
  /// Checks one block.
  void check() {
    Block* const block = window_.next_to_check();
    ASSERT_NE(block, nullptr);
    window_.checked(block->number);
  }
  void pass_all() {
    while (window_.next_in_order() != nullptr) window_.passed();
  }

  /// Checks, passes and takes every block in the window.
  static void check_and_pass(Window& window) {
    while (Block* checking = window.next_to_check()) window.checked(checking->number);
    while (window.next_in_order() != nullptr) window.passed();
  }

  std::unique_ptr<BufferPool> pool_ = *BufferPool::create(4096, capacity);
  int ready_ = 0;
  Window window_{0, 8, capacity, [this] { ++ready_; }};
};

TEST_F(WindowTest, DeliversBlocksInOrder) {
  for (const std::uint64_t number : {2U, 0U, 3U, 1U}) window_.put(block(number));
  for (int i = 0; i < 4; ++i) check();
  pass_all();
  for (std::uint64_t number = 0; number < 4; ++number) {
    const Window::Taken taken = window_.take();
    ASSERT_TRUE(taken.block);
    EXPECT_EQ(taken.block->number, number);
  }
  EXPECT_FALSE(window_.take().block);
}

TEST_F(WindowTest, HoldsBackLaterBlocksUntilEarlierOnesPass) {
  window_.put(block(1));
  check();
  EXPECT_EQ(window_.next_in_order(), nullptr);
  EXPECT_FALSE(window_.take().block);
  window_.put(block(0));
  check();
  Block* const first = window_.next_in_order();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->number, 0U);
  // One block at a time: the second one is not returned before passed() for the first one.
  EXPECT_EQ(window_.next_in_order(), nullptr);
  window_.passed();
  ASSERT_NE(window_.next_in_order(), nullptr);
  window_.passed();
  EXPECT_EQ(window_.take().block->number, 0U);
  EXPECT_EQ(window_.take().block->number, 1U);
}

TEST_F(WindowTest, ReusesTheSlotsOfTheRing) {
  for (std::uint64_t number = 0; number < 8; ++number) {
    window_.put(block(number));
    check();
    pass_all();
    EXPECT_EQ(window_.take().block->number, number);
  }
  EXPECT_EQ(window_.next_in_order(), nullptr);
  EXPECT_EQ(pool_->available(), capacity);
}

TEST_F(WindowTest, ReportsWhyTakeReturnedNoBlock) {
  EXPECT_EQ(window_.take().waiting, Window::Waiting::read);
  window_.put(block(0));
  EXPECT_EQ(window_.take().waiting, Window::Waiting::check);
  check();
  EXPECT_EQ(window_.take().waiting, Window::Waiting::check);
}

TEST_F(WindowTest, NotifiesAWaitingConsumerOnce) {
  window_.put(block(0));
  check();
  pass_all();
  EXPECT_EQ(ready_, 0) << "take() was not called yet";
  window_.take();
  window_.take();  // take() returns no block
  window_.put(block(2));
  check();
  pass_all();
  EXPECT_EQ(ready_, 0) << "the consumer waits for an earlier block";
  window_.put(block(1));
  check();
  pass_all();
  EXPECT_EQ(ready_, 1);
}

/// Otherwise the report would blame the disk for the time that a block waits for its checksum.
TEST_F(WindowTest, NotifiesWhenTheReasonForWaitingChanges) {
  EXPECT_EQ(window_.take().waiting, Window::Waiting::read);
  window_.put(block(1));
  EXPECT_EQ(ready_, 0);
  window_.put(block(0));
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(window_.take().waiting, Window::Waiting::check);
  window_.put(block(2));
  EXPECT_EQ(ready_, 1) << "nothing has changed for the consumer";
  check();
  check();
  pass_all();
  EXPECT_EQ(ready_, 2);
}

TEST_F(WindowTest, KeepsTheFirstErrorAndNotifiesTheConsumer) {
  window_.put(block(0));
  check();
  window_.take();
  window_.fail({ErrorKind::local_file, "first"});
  window_.fail({ErrorKind::local_file, "second"});
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(window_.take().error->message, "first");
  pass_all();
  EXPECT_EQ(window_.take().error->message, "first")
      << "an error is returned before the remaining blocks";
}

TEST_F(WindowTest, PassesNoBlockAfterAnError) {
  window_.put(block(0));
  window_.put(block(1));
  check();
  check();
  ASSERT_NE(window_.next_in_order(), nullptr);
  window_.fail({ErrorKind::local_file, "block 0 is not what it was"});
  window_.passed();
  EXPECT_EQ(window_.next_in_order(), nullptr);
  window_.close();
  EXPECT_EQ(pool_->available(), capacity);
}

/// Block 0 cannot be read, so its buffer is free while blocks 1 to 3 are in the ring. The next
/// owner of that buffer reads block 4.
TEST_F(WindowTest, DiscardsBlocksWithoutASlotAfterAnError) {
  for (const std::uint64_t number : {1U, 2U, 3U}) window_.put(block(number));
  window_.fail(Error{ErrorKind::local_file, "block 0 could not be read"});
  window_.put(block(4));
  window_.put(block(5));
  EXPECT_EQ(pool_->available(), 1U);
  EXPECT_TRUE(window_.take().error);
}

TEST_F(WindowTest, CloseReturnsEveryBuffer) {
  window_.put(block(0));  // will be in the in-order stage
  window_.put(block(1));  // will be in the checker stage
  window_.put(block(2));  // stays unchecked
  check();
  ASSERT_NE(window_.next_in_order(), nullptr);
  Block* const checking = window_.next_to_check();
  ASSERT_NE(checking, nullptr);
  window_.close();
  EXPECT_EQ(pool_->available(), 2U) << "the blocks being checked and passed return later";
  EXPECT_EQ(window_.next_to_check(), nullptr);
  window_.passed();
  window_.checked(1);
  EXPECT_EQ(window_.next_in_order(), nullptr);
  EXPECT_EQ(pool_->available(), capacity);
  window_.put(block(3));
  EXPECT_EQ(pool_->available(), capacity);
}

TEST_F(WindowTest, StartsAtAnyBlock) {
  Window window(5, 8, capacity, [] {});
  window.put(block(5));
  window.next_to_check();
  window.checked(5);
  ASSERT_NE(window.next_in_order(), nullptr);
  window.passed();
  EXPECT_EQ(window.take().block->number, 5U);
}

TEST_F(WindowTest, WantsACheckerWhileTheConsumerIsNearlyDry) {
  Window window(
      0, 8, capacity, [] {}, 2);
  EXPECT_FALSE(window.wants_checker());  // no unchecked block
  window.put(block(0));
  EXPECT_TRUE(window.wants_checker());
  EXPECT_FALSE(window.wants_checker()) << "one checker runs, which is enough for one block";
  window.put(block(1));
  window.put(block(2));
  window.put(block(3));
  EXPECT_TRUE(window.wants_checker()) << "enough blocks for two checkers";
  EXPECT_FALSE(window.wants_checker());
}

TEST_F(WindowTest, AccumulatesBlocksWhileTheConsumerHasEnough) {
  Window window(
      0, 8, capacity, [] {}, 2);
  window.put(block(0));
  window.put(block(1));
  ASSERT_TRUE(window.wants_checker());
  check_and_pass(window);
  window.put(block(2));
  EXPECT_FALSE(window.wants_checker()) << "the consumer can take two blocks";
  window.put(block(3));
  EXPECT_TRUE(window.wants_checker()) << "the batch is complete";
  check_and_pass(window);
}

// Otherwise the last blocks of a file would never be checked.
TEST_F(WindowTest, ChecksAccumulatedBlocksBeforeTheConsumerRunsDry) {
  Window window(
      0, 3, capacity, [] {}, 2);
  window.put(block(0));
  window.put(block(1));
  ASSERT_TRUE(window.wants_checker());
  check_and_pass(window);
  window.put(block(2));
  ASSERT_FALSE(window.wants_checker());
  window.take();
  EXPECT_TRUE(window.wants_checker());
  window.close();
  EXPECT_EQ(window.next_to_check(), nullptr);
  EXPECT_FALSE(window.wants_checker()) << "the window is closed";
}

TEST_F(WindowTest, RejectsABlockPutTwice) {
  window_.put(block(0));
  EXPECT_THROW(window_.put(block(0)), std::logic_error);
  EXPECT_THROW(window_.put(block(8)), std::logic_error);
}

}  // namespace
}  // namespace sluice::window_test
