#include "io/sync.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <utility>
#include <vector>

#include "io/unique_fd.h"

namespace sluice::sync_test {
namespace {

struct Counter {
  Mutex mutex;
  CondVar changed;
  int value SLUICE_GUARDED_BY(mutex) = 0;
};

TEST(Mutex, ExcludesThreads) {
  Counter counter;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&counter] {
        for (int n = 0; n < 1000; ++n) {
          const MutexLock lock(counter.mutex);
          ++counter.value;
        }
      });
    }
  }
  const MutexLock lock(counter.mutex);
  EXPECT_EQ(counter.value, 4000);
}

TEST(MutexLock, UnlocksAndLocks) {
  Counter counter;
  MutexLock lock(counter.mutex);
  lock.unlock();
  std::jthread([&counter] {  // would block forever if the lock were still held
    const MutexLock other(counter.mutex);
    counter.value = 1;
  })
      .join();
  lock.lock();
  EXPECT_EQ(counter.value, 1);
}

TEST(CondVar, WakesWaiter) {
  Counter counter;
  std::jthread setter([&counter] {
    const MutexLock lock(counter.mutex);
    counter.value = 1;
    counter.changed.notify_all();
  });
  const MutexLock lock(counter.mutex);
  while (counter.value == 0) counter.changed.wait(counter.mutex);
  EXPECT_EQ(counter.value, 1);
}

TEST(CondVar, WaitUntilTimesOut) {
  Counter counter;
  const MutexLock lock(counter.mutex);
  while (counter.changed.wait_until(counter.mutex, std::chrono::steady_clock::now())) {
  }
  EXPECT_EQ(counter.value, 0);
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

TEST(UniqueFd, ClosesOnceAndMovesOwnership) {
  UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(first);
  const int number = first.get();
  UniqueFd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(is_open(number));
  second = UniqueFd();
  EXPECT_FALSE(second);
  EXPECT_FALSE(is_open(number));
}

}  // namespace
}  // namespace sluice::sync_test
