// Several network threads: the assignment of uploads, and the limits over all threads.
#include "engine/http/network_threads.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "engine/http/curl_transport.h"
#include "engine/policy/request_gate.h"
#include "tests/engine/http/http_fixture.h"

namespace sluice::network_threads_test {
namespace {

using Place = NetworkThreads::Place;

constexpr std::uint64_t large = std::uint64_t{5} << 30;

TEST(NetworkThreads, DefaultToAQuarterOfTheCores) {
  for (const auto& [cores, threads] :
       {std::pair(0U, 1U), {1U, 1U}, {2U, 1U}, {7U, 1U}, {8U, 2U}, {16U, 4U}, {256U, 4U}})
    EXPECT_EQ(NetworkThreads::automatic_number(cores), threads) << cores;
}

TEST(NetworkThreads, DistributesUploadsOverRequestedThreads) {
  NetworkThreads network({.make = curl_transports({}), .asked = 2});
  EXPECT_EQ(network.started(), 1U) << "the second thread has no work yet";
  Place one = network.place(1);
  Place two = network.place(1);
  EXPECT_EQ(&one.http(), &network.first());
  EXPECT_NE(&two.http(), &network.first());
  EXPECT_EQ(network.started(), 2U);
  Transport& second = two.http();
  two.leave();
  EXPECT_EQ(&two.http(), &second) << "the last requests of the upload run on this thread";
  const Place uncounted(network.first());
  const Place three = network.place(1);
  EXPECT_EQ(&three.http(), &second);
  EXPECT_EQ(network.started(), 2U);
}

TEST(NetworkThreads, StartsOneThreadOnFewCores) {
  NetworkThreads network({.make = curl_transports({}), .asked = 0, .cores = 2});
  std::vector<Place> places;
  for (int i = 0; i < 8; ++i) places.push_back(network.place(large));
  for (const Place& place : places) EXPECT_EQ(&place.http(), &network.first());
  EXPECT_EQ(network.started(), 1U);
}

TEST(NetworkThreads, StartsSecondThreadForLargeUploadsOnManyCores) {
  NetworkThreads network({.make = curl_transports({}), .asked = 0, .cores = 16});
  const Place one = network.place(large);
  const Place two = network.place(large);
  EXPECT_NE(&one.http(), &two.http());
  EXPECT_EQ(network.started(), 2U);
}

TEST(NetworkThreads, ReportsThreadIdentityAndCpuTimePerThread) {
  NetworkThreads network({.make = curl_transports({}), .asked = 2});
  const Place one = network.place(1);
  const Place two = network.place(1);
  EXPECT_FALSE(one.http().is_network_thread());
  std::promise<void> done;
  two.http().post([&] {
    EXPECT_TRUE(two.http().is_network_thread());
    EXPECT_FALSE(one.http().is_network_thread());
    const auto before = two.http().cpu_time();
    while (two.http().cpu_time() == before) {
    }
    done.set_value();
  });
  done.get_future().wait();
  EXPECT_GT(two.http().cpu_time().count(), 0);
}

TEST(NetworkThreads, DestructorRunsWorkPostedBetweenThreads) {
  std::atomic<int> done = 0;
  {
    NetworkThreads network({.make = curl_transports({}), .asked = 3});
    std::vector<Place> places;
    for (int i = 0; i < 3; ++i) places.push_back(network.place(1));
    std::vector<Transport*> threads;
    for (const Place& place : places) threads.push_back(&place.http());
    const auto pass = std::make_shared<std::function<void(std::size_t)>>();
    *pass = [&done, threads, weak = std::weak_ptr(pass)](std::size_t left) {
      ++done;
      const auto self = weak.lock();
      if (left == 0 || !self) return;
      Transport& next = *threads[left % threads.size()];
      if (left % 2 == 0)
        next.post([self, left] { (*self)(left - 1); });
      else
        next.post_at(std::chrono::steady_clock::now() + 1h, [self, left] { (*self)(left - 1); });
    };
    for (Transport* const thread : threads) thread->post([pass] { (*pass)(20); });
  }
  EXPECT_EQ(done, 3 * 21);
}

TEST(RateLimiter, AppliesToTwoThreadsTogether) {
  constexpr std::uint64_t rate = 8 << 20;
  RateLimiter limiter(rate);
  const RateLimiter::Clock::time_point start{1h};
  limiter.take(1, start);
  std::atomic<std::uint64_t> granted = 0;
  const auto send = [&] {
    for (int ms = 0; ms <= 10'000; ++ms) {
      const std::size_t taken = limiter.take(1 << 20, start + std::chrono::milliseconds(ms));
      limiter.give_back(taken / 2);
      granted += taken - taken / 2;
    }
  };
  std::thread other(send);
  send();
  other.join();
  EXPECT_LE(granted, rate * 10 + rate / 8);
  EXPECT_GT(granted, rate / 8);
}

TEST(FreshConnections, AllowBurstOfFiftyOverTwoThreads) {
  FreshConnections fresh;
  std::atomic<int> taken = 0;
  const auto take = [&] {
    for (int i = 0; i < 1000; ++i) taken += fresh.take(FreshConnections::Clock::time_point{5s});
  };
  std::thread other(take);
  take();
  other.join();
  EXPECT_EQ(taken, 50);
}

TEST(NetworkThreads, DivideKeptConnectionsBetweenThreads) {
  EXPECT_EQ(NetworkLimits(0, 1).kept_connections, connections_kept_by_process());
  EXPECT_LE(4 * NetworkLimits(0, 4).kept_connections, connections_kept_by_process());
  EXPECT_GE(NetworkLimits(0, 1000).kept_connections, 1);
}

/// Each upload repeatedly takes a turn, sends and leaves, on its own thread.
TEST(RequestGate, EnforcesLimitOverTwoThreads) {
  constexpr unsigned limit = 3;
  constexpr int uploads = 8;
  constexpr int rounds = 200;
  NetworkThreads network({.make = curl_transports({}), .asked = 2});
  RequestGate gate({.limit = RequestLimit({.first = limit}),
                    .post_at =
                        [&](RequestGate::Clock::time_point when, std::function<void()> work) {
                          network.first().post_at(when, std::move(work));
                        },
                    .on_change = {}});
  struct Sender {
    Place place;
    std::unique_ptr<RequestGate::Turn> turn;
    int left = rounds;
    std::promise<void> done;
  };
  std::vector<std::unique_ptr<Sender>> senders;
  std::atomic<unsigned> in_flight = 0;
  std::atomic<unsigned> most_in_flight = 0;
  const auto step = std::make_shared<std::function<void(Sender&)>>();
  *step = [&, again = step.get()](Sender& sender) {
    EXPECT_TRUE(sender.place.http().is_network_thread());
    if (!sender.turn->take([&sender, again] { (*again)(sender); })) return;
    const unsigned now = ++in_flight;
    for (unsigned seen = most_in_flight; seen < now;)
      if (most_in_flight.compare_exchange_weak(seen, now)) break;
    sender.turn->sent();
    sender.place.http().post([&, again] {
      --in_flight;
      EXPECT_LE(sender.turn->answered().in_flight, limit);
      sender.turn->leave();
      if (--sender.left == 0)
        sender.done.set_value();
      else
        (*again)(sender);
    });
  };
  for (int i = 0; i < uploads; ++i) {
    auto sender = std::make_unique<Sender>();
    sender->place = network.place(1);
    Transport& http = sender->place.http();
    sender->turn = std::make_unique<RequestGate::Turn>(
        &gate, RequestGate::Rule::queues,
        [&http](std::function<void()> work) { http.post(std::move(work)); });
    senders.push_back(std::move(sender));
  }
  for (const auto& sender : senders)
    sender->place.http().post([&sender = *sender, step] { (*step)(sender); });
  for (const auto& sender : senders) sender->done.get_future().wait();
  EXPECT_LE(most_in_flight, limit);
  EXPECT_EQ(gate.held(), 0U);
  EXPECT_EQ(gate.waiting(), 0U);
  // The posted work refers to the senders.
  for (const auto& sender : senders) {
    std::promise<void> idle;
    sender->place.http().post([&] { idle.set_value(); });
    idle.get_future().wait();
  }
}

/// A turn may be destroyed on another thread while the callback that starts the turn is pending.
TEST(RequestGate, DoesNotCallDestroyedTurn) {
  std::vector<std::function<void()>> posted;
  RequestGate gate({.limit = RequestLimit({.first = 1}), .post_at = {}, .on_change = {}});
  const auto post = [&](std::function<void()> work) { posted.push_back(std::move(work)); };
  RequestGate::Turn first(&gate, RequestGate::Rule::queues, post);
  auto second = std::make_unique<RequestGate::Turn>(&gate, RequestGate::Rule::queues, post);
  EXPECT_TRUE(first.take([] { ADD_FAILURE(); }));
  EXPECT_FALSE(second->take([] { ADD_FAILURE() << "called after its destruction"; }));
  first.leave();
  ASSERT_EQ(posted.size(), 1U);
  EXPECT_TRUE(second->is_waiting()) << "its callback is pending";
  EXPECT_EQ(gate.held(), 1U);
  second.reset();
  EXPECT_EQ(gate.held(), 0U);
  posted.front()();
}

class TwoThreads : public HttpTest {
 protected:
  /// Starts an exchange on `http` and returns; the future receives the response.
  std::future<Result<Answer>> start_on(Transport& http, ChunkBody& body) {
    auto promise = std::make_shared<std::promise<Result<Answer>>>();
    auto future = promise->get_future();
    Exchange exchange;
    exchange.url = server_.url();
    exchange.headers = {"Content-Type: multipart/form-data; boundary=b"};
    exchange.body = &body;
    exchange.body_size = body.size();
    http.post([&http, exchange, promise] {
      http.start(exchange,
                 [promise](Result<Answer> answer) { promise->set_value(std::move(answer)); });
    });
    return future;
  }
};

TEST_F(TwoThreads, RateLimitAppliesToBothThreads) {
  NetworkThreads network({.make = curl_transports({}), .bytes_per_second = 400'000, .asked = 2});
  const Place place_one = network.place(1);
  const Place place_two = network.place(1);
  ASSERT_NE(&place_one.http(), &place_two.http());
  ChunkBody one(std::string(200'000, 'x'));
  ChunkBody two(std::string(200'000, 'x'));
  const auto started = std::chrono::steady_clock::now();
  auto first = start_on(place_one.http(), one);
  auto second = start_on(place_two.http(), two);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  // Only a shorter time is an error, as in HttpTest.
  EXPECT_GE(std::chrono::steady_clock::now() - started, 850ms);
}

}  // namespace
}  // namespace sluice::network_threads_test
