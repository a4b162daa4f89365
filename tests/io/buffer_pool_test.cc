#include "io/buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <latch>
#include <limits>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::buffer_pool_test {
namespace {

constexpr std::size_t size = 2 * BufferPool::alignment;

std::unique_ptr<BufferPool> make_pool(std::size_t count, std::size_t buffer_size = size) {
  return BufferPool::create(buffer_size, count).value();
}

std::vector<Buffer> take_all(BufferPool& pool) {
  std::vector<Buffer> buffers;
  while (Buffer buffer = pool.try_acquire()) buffers.push_back(std::move(buffer));
  return buffers;
}

TEST(BufferPool, LendsAlignedDisjointBuffers) {
  // Sizes around a huge page, for which the ends of the mapping are unmapped differently.
  for (const std::size_t buffer_size :
       {size, std::size_t{1} << 20, (std::size_t{2} << 20) + 4096}) {
    const auto pool = make_pool(5, buffer_size);
    std::vector<Buffer> buffers = take_all(*pool);
    ASSERT_EQ(buffers.size(), 5U);
    std::set<std::uintptr_t> starts;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const std::span<std::byte> memory = buffers[i].memory();
      ASSERT_EQ(memory.size(), buffer_size);
      const auto start = reinterpret_cast<std::uintptr_t>(memory.data());
      EXPECT_EQ(start % BufferPool::alignment, 0U);
      starts.insert(start);
      std::memset(memory.data(), static_cast<int>(i + 1), memory.size());
    }
    for (std::size_t i = 0; i < buffers.size(); ++i) {  // no buffer overlaps another
      const std::span<std::byte> memory = buffers[i].memory();
      EXPECT_TRUE(std::ranges::all_of(memory, [&](std::byte b) { return b == std::byte(i + 1); }));
    }
    EXPECT_EQ(starts.size(), 5U);
    EXPECT_EQ(pool->available(), 0U);
    buffers.clear();
    EXPECT_EQ(pool->available(), 5U);
  }
}

TEST(BufferPool, RejectsInvalidSizes) {
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  struct {
    std::size_t buffer_size, count;
  } const cases[] = {{0, 1}, {size + 1, 1}, {size, 0}, {size, huge}, {size, huge / size}};
  for (const auto& [buffer_size, count] : cases) {
    const auto pool = BufferPool::create(buffer_size, count);
    ASSERT_FALSE(pool) << buffer_size << " * " << count;
    EXPECT_EQ(pool.error().kind, ErrorKind::usage) << pool.error().message;
  }
}

TEST(BufferPool, ReportsFailedAllocation) {
  const auto pool = BufferPool::create(size, (std::size_t{1} << 60) / size);  // more than an
                                                                              // address space of 47
                                                                              // bits
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().kind, ErrorKind::failed);
  EXPECT_NE(pool.error().code, 0);
}

TEST(BufferPool, ReusesLastReleasedBufferFirst) {
  const auto pool = make_pool(3);
  Buffer first = pool->try_acquire();
  Buffer second = pool->try_acquire();
  const std::byte* const last_back = first.memory().data();
  second.release();
  first.release();
  EXPECT_EQ(pool->try_acquire().memory().data(), last_back);
}

TEST(BufferPool, WaitsForReleasedBuffer) {
  const auto pool = make_pool(1);
  Buffer held = pool->try_acquire();
  const std::byte* const memory = held.memory().data();
  std::atomic<bool> released = false;
  std::latch started(1);
  std::jthread waiter([&](const std::stop_token& stop) {
    started.count_down();
    const Buffer buffer = pool->acquire(stop);
    EXPECT_TRUE(released);
    EXPECT_EQ(buffer.memory().data(), memory);
  });
  started.wait();
  released = true;
  held.release();
  waiter.join();
  EXPECT_EQ(pool->available(), 1U);
}

TEST(BufferPool, ReleaseWakesOneWaiterAtATime) {
  const auto pool = make_pool(2);
  std::vector<Buffer> held = take_all(*pool);
  std::latch started(4);
  std::vector<std::jthread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&](const std::stop_token& stop) {
      started.count_down();
      EXPECT_TRUE(pool->acquire(stop));
    });
  }
  started.wait();
  held.clear();
  for (std::jthread& waiter : waiters) waiter.join();  // hangs after a lost wake-up
  EXPECT_EQ(pool->available(), 2U);
}

TEST(BufferPool, StopEndsAllWaits) {
  const auto pool = make_pool(1);
  const Buffer held = pool->try_acquire();
  std::stop_source source;
  std::latch started(3);
  std::vector<std::jthread> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&, stop = source.get_token()] {
      started.count_down();
      EXPECT_FALSE(pool->acquire(stop));
    });
  }
  started.wait();
  source.request_stop();
  for (std::jthread& waiter : waiters) waiter.join();
  EXPECT_EQ(pool->available(), 0U);
}

// The time between the check and the wait is short: request many stops, to hit it.
TEST(BufferPool, NeverMissesStop) {
  const auto pool = make_pool(1);
  const Buffer held = pool->try_acquire();
  for (int i = 0; i < 500; ++i) {
    std::stop_source source;
    std::jthread waiter([&] { EXPECT_FALSE(pool->acquire(source.get_token())); });
    source.request_stop();
  }
}

TEST(BufferPool, ReturnsFreeBufferDespiteEarlierStop) {
  const auto pool = make_pool(1);
  std::stop_source source;
  source.request_stop();
  const Buffer free = pool->acquire(source.get_token());
  EXPECT_TRUE(free);
  EXPECT_FALSE(pool->acquire(source.get_token()));
}

TEST(BufferPool, StoppedWaiterDoesNotConsumeWakeUp) {
  const auto pool = make_pool(1);
  for (int i = 0; i < 300; ++i) {
    Buffer held = pool->try_acquire();
    ASSERT_TRUE(held);
    std::stop_source source;
    std::latch started(2);
    std::jthread leaves([&] {
      started.count_down();
      pool->acquire(source.get_token());
    });
    std::jthread stays([&] {
      started.count_down();
      EXPECT_TRUE(pool->acquire(std::stop_token()));  // hangs if the other waiter got the wake-up
    });
    started.wait();
    std::jthread stopper([&] { source.request_stop(); });
    held.release();
  }
}

TEST(BufferPool, LendsEachBufferOnceToManyThreads) {
  const auto pool = make_pool(3, BufferPool::alignment);
  {
    std::vector<std::jthread> threads;
    for (int id = 1; id <= 6; ++id) {
      threads.emplace_back([&pool, id](const std::stop_token& stop) {
        for (int n = 0; n < 2000; ++n) {
          const Buffer buffer = n % 3 == 0 ? pool->try_acquire() : pool->acquire(stop);
          if (!buffer) continue;
          // Not atomic: ThreadSanitizer reports if two threads have the same buffer.
          buffer.memory().front() = std::byte(id);
          buffer.memory().back() = std::byte(id);
          EXPECT_EQ(buffer.memory().front(), buffer.memory().back());
        }
      });
    }
    for (std::jthread& thread : threads) thread.join();
  }
  EXPECT_EQ(pool->available(), 3U);
  EXPECT_EQ(take_all(*pool).size(), 3U);
}

TEST(Buffer, IsReleasedOnceAfterMoves) {
  const auto pool = make_pool(2);
  Buffer first = pool->try_acquire();
  const std::byte* const memory = first.memory().data();
  Buffer second(std::move(first));
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): a moved-from Buffer is empty
  EXPECT_TRUE(first.memory().empty());
  EXPECT_EQ(second.memory().data(), memory);
  EXPECT_EQ(pool->available(), 1U);

  Buffer third = pool->try_acquire();
  third = std::move(second);  // releases the old buffer of `third`
  EXPECT_EQ(pool->available(), 1U);
  Buffer& itself = third;
  third = std::move(itself);
  EXPECT_TRUE(third);
  third.release();
  third.release();
  EXPECT_FALSE(third);
  EXPECT_EQ(pool->available(), 2U);
}

TEST(BufferPool, ShareObeysItsLimit) {
  const auto pool = make_pool(4);
  const auto share = BufferPool::share(*pool, 2);
  Buffer first = share->try_acquire();
  const Buffer second = share->try_acquire();
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(share->try_acquire()) << "more than its share";
  EXPECT_EQ(share->available(), 0U);
  EXPECT_EQ(pool->available(), 2U) << "they are the pool's";
  first.release();
  EXPECT_EQ(pool->available(), 3U);
  // A share cannot provide more than the pool has.
  const Buffer others[] = {pool->try_acquire(), pool->try_acquire(), pool->try_acquire()};
  EXPECT_FALSE(share->try_acquire());
  EXPECT_EQ(share->available(), 1U) << "one that was not had is not lent";
}

TEST(BufferPool, WaiterOfShareGetsReleasedBuffer) {
  const auto pool = make_pool(4);
  const auto share = BufferPool::share(*pool, 1);
  std::stop_source stop;
  Buffer held = share->acquire(stop.get_token());
  ASSERT_TRUE(held);
  std::thread waiter([&] { EXPECT_TRUE(share->acquire(stop.get_token())); });
  held.release();
  waiter.join();
  held = share->acquire(stop.get_token());
  std::thread ended([&] { EXPECT_FALSE(share->acquire(stop.get_token())); });
  stop.request_stop();
  ended.join();
}

TEST(BufferPool, ResizingShareKeepsBuffersInUse) {
  const auto pool = make_pool(4);
  const auto share = BufferPool::share(*pool, 3);
  share->resize_share(1);
  Buffer first = share->try_acquire();
  ASSERT_TRUE(first);
  EXPECT_FALSE(share->try_acquire());
  share->resize_share(9);
  Buffer second = share->try_acquire();
  const Buffer third = share->try_acquire();
  EXPECT_TRUE(second && third);
  EXPECT_FALSE(share->try_acquire()) << "more than it was made for";
  share->resize_share(2);
  EXPECT_EQ(share->available(), 0U);
  first.release();
  EXPECT_FALSE(share->try_acquire()) << "two are still out";
  second.release();
  EXPECT_TRUE(share->try_acquire());
}

TEST(BufferPool, GrowingShareWakesWaiter) {
  const auto pool = make_pool(2);
  const auto share = BufferPool::share(*pool, 2);
  share->resize_share(1);
  const Buffer held = share->try_acquire();
  std::thread waiter([&] { EXPECT_TRUE(share->acquire({})); });
  share->resize_share(2);
  waiter.join();
}

TEST(BufferPoolDeathTest, AbortsIfDestroyedWithBufferInUse) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto pool = make_pool(2);
        const Buffer held = pool->try_acquire();
        pool.reset();
      },
      "destroyed while 1 buffers were in use");
}

#if defined(__SANITIZE_ADDRESS__)
TEST(BufferPoolDeathTest, DetectsUseAfterRelease) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const auto pool = make_pool(1);
        Buffer buffer = pool->try_acquire();
        const std::span<std::byte> memory = buffer.memory();
        buffer.release();
        memory[0] = std::byte{1};
      },
      "use-after-poison");
}
#endif

}  // namespace
}  // namespace sluice::buffer_pool_test
