// The assignment of the simulated server's threads.
#include "tools/databankd/http/server_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace sluice::databankd::server_threads_test {
namespace {

using namespace std::chrono_literals;

void wait_until_waiting(const ServerThreads& threads, std::size_t count) {
  while (threads.waiting() != count) std::this_thread::yield();
}

TEST(ServerThreads, HaveNoLimitByDefault) {
  ServerThreads threads({});
  std::vector<ServerThreads::Held> held;
  for (int i = 0; i < 100; ++i) held.push_back(threads.take());
  EXPECT_TRUE(threads.take_second());
}

TEST(ServerThreads, TokenCheckNeedsSecondThread) {
  ServerThreads threads({.count = 2, .wait = 1ms});
  const auto first = threads.take();
  EXPECT_TRUE(threads.take_second());
  EXPECT_TRUE(threads.take_second());  // the thread was released
  {
    const auto second = threads.take();
    EXPECT_FALSE(threads.take_second());
  }
  EXPECT_TRUE(threads.take_second());
}

TEST(ServerThreads, AreAssignedInOrder) {
  ServerThreads threads({.count = 1, .wait = 24h});
  std::atomic<int> next = 0;
  std::vector<int> order(3);
  auto held = threads.take();
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back([&, i] {
      if (i == 1) {  // a token check waits in the same queue as requests
        EXPECT_TRUE(threads.take_second());
        order[1] = next++;
        return;
      }
      const auto mine = threads.take();
      order[static_cast<std::size_t>(i)] = next++;
    });
    wait_until_waiting(threads, static_cast<std::size_t>(i) + 1);
  }
  held = {};
  for (std::thread& other : others) other.join();
  EXPECT_EQ(threads.waiting(), 0U);
  EXPECT_EQ(order[0], 0);  // the first request ran before another one had a thread
  EXPECT_TRUE(threads.take_second());
}

TEST(ServerThreads, TokenChecksBlockEachOtherUntilTimeout) {
  ServerThreads threads({.count = 5, .wait = 10ms});
  std::vector<ServerThreads::Held> held(5);
  for (auto& one : held) one = threads.take();
  std::atomic<int> refused = 0;
  std::vector<std::thread> questions;
  for (auto& one : held) {
    questions.emplace_back([&] {
      if (!threads.take_second()) ++refused;
      (void)one;
    });
  }
  for (std::thread& question : questions) question.join();
  EXPECT_EQ(refused, 5);
  held.pop_back();
  EXPECT_TRUE(threads.take_second());  // four concurrent requests succeed
}

TEST(ServerThreads, WakeWaitingRequestsAtEnd) {
  ServerThreads threads({.count = 1, .wait = 24h});
  const auto held = threads.take();
  std::thread request([&] { (void)threads.take(); });
  std::thread question([&] { EXPECT_FALSE(threads.take_second()); });
  wait_until_waiting(threads, 2);
  threads.end();
  request.join();
  question.join();
  EXPECT_FALSE(threads.take_second());
}

}  // namespace
}  // namespace sluice::databankd::server_threads_test
