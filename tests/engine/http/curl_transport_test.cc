#include "engine/http/curl_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/http/http_fixture.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

namespace sluice::http_test {
namespace {

TEST_F(HttpTest, SendsBodyWithContentLengthAndWithoutExpect) {
  const std::string payload = test::random_bytes(3 << 20, 1);
  ChunkBody body(payload, 100'001);
  const auto answer = post(body);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(server_.seen().size(), 1U);
  auto seen = server_.seen()[0];
  EXPECT_EQ(seen.target, "/x");
  EXPECT_TRUE(seen.complete);
  EXPECT_EQ(seen.payload_size, payload.size());
  EXPECT_EQ(seen.headers["content-length"], std::to_string(body.size()));
  EXPECT_EQ(seen.headers["authorization"], "Token token=t");
  EXPECT_FALSE(seen.headers.contains("expect"));
  EXPECT_FALSE(seen.headers.contains("transfer-encoding"));
}

TEST_F(HttpTest, ReusesConnection) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(post_text());
  EXPECT_EQ(server_.seen().size(), 5U);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HttpTest, ReportsNetworkOfExchangesInFlightOnly) {
  for (const bool kept : {false, true}) {
    SCOPED_TRACE(kept);
    ScriptedServer server({{.occurrence = kept ? 1 : 0, .then = Fault::Then::hold}});
    TextBody first("first");
    if (kept) {
      ASSERT_TRUE(start(first, first.size(), server.url() + "/x").get());
    }
    TextBody body("hello");
    auto answer = start(body, body.size(), server.url() + "/x");
    ASSERT_TRUE(server.wait_for(Phase::other, kept ? 2 : 1));
    std::optional<Answer::Network> network;
    std::optional<Answer::Network> of_none;
    http_->post([&] {
      network = http_->network_of(last_);
      of_none = http_->network_of(last_ + 1);
    });
    settle();
    ASSERT_TRUE(network);
    EXPECT_GT(network->round_trip.count(), 0);
    EXPECT_GT(network->least_round_trip.count(), 0);
    EXPECT_LT(network->sent_again, 10U) << "a busy kernel may retransmit a packet or two";
    EXPECT_FALSE(of_none);
    EXPECT_EQ(server.connections(), 1) << "the second request reuses the connection";
    server.release();
    ASSERT_TRUE(answer.get());
    http_->post([&] { network = http_->network_of(last_); });
    settle();
    EXPECT_FALSE(network) << "the exchange has ended";
  }
}

TEST_F(HttpTest, ResendsWholeBodyAfterDeadKeptConnection) {
  const std::string payload = test::random_bytes(1 << 20, 2);
  for (const auto then : {Fault::Then::close, Fault::Then::reset}) {
    ASSERT_TRUE(post_text());
    const int connections = server_.connections();
    server_.set_faults({{.phase = Phase::transfer, .then = then}});
    ChunkBody body(payload, 65'000);
    const auto answer = post(body);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 500);  // no setup came before this chunk
    EXPECT_EQ(body.rewinds(), 1);
    EXPECT_EQ(server_.connections(), connections + 1);
    const auto again = server_.seen().back();
    EXPECT_TRUE(again.complete);
    EXPECT_EQ(again.payload_size, payload.size());
  }
}

TEST_F(HttpTest, DoesNotRetryUnsafeRequestOnDeadConnection) {
  for (const auto then : {Fault::Then::close, Fault::Then::reset}) {
    ASSERT_TRUE(post_text());
    const int before = server_.count(Phase::any);
    server_.set_faults({{.then = then}});
    TextBody body("once");
    body.repeatable = false;
    const auto answer = post(body);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_EQ(server_.count(Phase::any), before + 1);
  }
}

TEST_F(HttpTest, OpensNewConnectionOnRequest) {
  using Connection = Request::Connection;
  ASSERT_TRUE(post_text());
  for (const auto& [connection, connections] : {std::pair(Connection::any, 1),
                                                {Connection::own, 2},
                                                {Connection::fresh, 3},
                                                {Connection::fresh, 4},
                                                {Connection::any, 4}}) {
    connection_ = connection;
    ASSERT_TRUE(post_text());
    EXPECT_EQ(server_.connections(), connections);
  }
}

/// The server closes the connection between two requests without notice.
TEST_F(HttpTest, ReplacesConnectionClosedWhileIdle) {
  server_.set_faults(
      {{.occurrence = -1, .answer = http_answer(200, "well"), .then = Fault::Then::close}});
  for (int i = 0; i < 20; ++i) {
    TextBody body("hello");
    const auto answer = post(body);
    ASSERT_TRUE(answer) << i << ": " << answer.error().message;
    EXPECT_EQ(answer->body, "well");
  }
}

/// A body whose bytes become available when the test sets `ready`.
class SlowBody final : public RequestBody {
 public:
  Piece read(std::span<std::byte> into) override {
    if (ready.exchange(false)) {
      into[0] = std::byte{'x'};
      return {Next::bytes, 1};
    }
    asked.store(true);
    asked.notify_all();
    return {Next::not_yet};
  }
  bool rewind() override { return false; }

  std::atomic<bool> ready{false};
  std::atomic<bool> asked{false};
};

TEST_F(HttpTest, WaitsForBodyUntilResume) {
  SlowBody body;
  auto answer = start(body, 5, server_.url());
  for (int byte = 0; byte < 5; ++byte) {
    body.asked.wait(false);
    body.asked = false;
    body.ready = true;
    // A second resume(), or one while the body does not wait, has no effect.
    http_->post([this] {
      http_->resume(last_);
      http_->resume(last_);
    });
  }
  const auto got = answer.get();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(server_.seen()[0].complete);
}

/// The stall timeout does not count time in which the body has no bytes. A second exchange that
/// stalls shows that the time has passed for the first one as well.
TEST_F(HttpTest, WaitingForBodyIsNoStall) {
  http_ = std::make_unique<CurlTransport>(CurlTransport::Options{.stall_timeout = 1s});
  SlowBody waiting;
  auto first = start(waiting, 1, server_.url());
  waiting.asked.wait(false);
  server_.set_faults(
      {{.phase = Phase::transfer, .after_body_bytes = 1, .then = Fault::Then::hold}});
  ChunkBody stalled(std::string(32 << 20, 'x'));
  ASSERT_FALSE(start(stalled, stalled.size(), server_.url()).get());
  EXPECT_EQ(first.wait_for(0s), std::future_status::timeout);
  http_.reset();
  EXPECT_EQ(first.get().error().kind, ErrorKind::interrupted);
}

class BrokenBody final : public RequestBody {
 public:
  Piece read(std::span<std::byte>) override { return {Next::failed}; }
  bool rewind() override { return false; }
};

TEST_F(HttpTest, FailedBodyEndsOnlyItsExchange) {
  BrokenBody body;
  const auto answer = post(body, 10);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::failed);
  EXPECT_TRUE(post_text());
}

TEST_F(HttpTest, CancelEndsOnlyItsExchange) {
  server_.set_faults({{.occurrence = -1, .then = Fault::Then::hold}});
  TextBody body("hello");
  TextBody other("other");
  auto kept = start(other, other.size(), server_.url());
  auto cancelled = start(body, body.size(), server_.url());
  ASSERT_TRUE(server_.wait_for(Phase::any, 2));
  http_->post([this] {
    http_->cancel(last_);
    http_->cancel(last_);
  });
  const auto answer = cancelled.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::interrupted);
  server_.release();
  EXPECT_TRUE(kept.get());
}

TEST_F(HttpTest, DestructorEndsExchangesAndRunsWork) {
  server_.set_faults({{.occurrence = -1, .then = Fault::Then::hold}});
  TextBody body("hello");
  auto answer = start(body, body.size(), server_.url());
  ASSERT_TRUE(server_.wait_for(Phase::any));
  bool ran = false;
  http_->post([&] { ran = true; });
  http_.reset();
  EXPECT_EQ(answer.get().error().kind, ErrorKind::interrupted);
  EXPECT_TRUE(ran);
}

TEST_F(HttpTest, RunsPostedWorkInOrder) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i)
    http_->post([&order, i, this] {
      order.push_back(i);
      if (i == 50) http_->post([&order] { order.push_back(1000); });
    });
  settle();
  settle();
  std::erase(order, 1000);
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(HttpTest, RunsTimedWorkWhenDueOrAtDestruction) {
  std::promise<std::chrono::steady_clock::time_point> ran;
  const auto when = std::chrono::steady_clock::now() + 20ms;
  http_->post_at(when, [&] { ran.set_value(std::chrono::steady_clock::now()); });
  EXPECT_GE(ran.get_future().get(), when);
  bool at_the_end = false;
  http_->post_at(when + std::chrono::hours(1), [&] { at_the_end = true; });
  http_.reset();
  EXPECT_TRUE(at_the_end);
}

TEST_F(HttpTest, MatchesResponsesToConcurrentExchanges) {
  std::vector<std::unique_ptr<ChunkBody>> bodies;
  std::vector<std::future<Result<Answer>>> answers;
  for (std::size_t i = 0; i < 16; ++i) {
    bodies.push_back(std::make_unique<ChunkBody>(std::string(100'000 + i, 'x'), 1000));
    answers.push_back(
        start(*bodies[i], bodies[i]->size(), server_.url() + "/" + std::to_string(i)));
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  for (const auto& seen : server_.seen())
    EXPECT_EQ(seen.payload_size, 100'000 + std::stoul(seen.target.substr(1)));
}

/// A body that counts how often the rate limit paused it.
class CountingBody final : public TextBody {
 public:
  using TextBody::TextBody;
  void throttled() override { ++throttled_; }
  int times_throttled() const { return throttled_; }

 private:
  std::atomic<int> throttled_{0};
};

TEST_F(HttpTest, NotifiesThrottledBody) {
  http_ = std::make_unique<CurlTransport>(CurlTransport::Options{.bytes_per_second = 200'000});
  CountingBody body(std::string(100'000, 'x'));
  EXPECT_TRUE(start(body, 100'000, server_.url()).get());
  EXPECT_GT(body.times_throttled(), 0);

  http_ = std::make_unique<CurlTransport>(CurlTransport::Options{});
  CountingBody free(std::string(100'000, 'x'));
  EXPECT_TRUE(start(free, 100'000, server_.url()).get());
  EXPECT_EQ(free.times_throttled(), 0);
}

TEST_F(HttpTest, RateLimitAppliesToAllExchangesTogether) {
  constexpr std::uint64_t rate = 400'000;
  http_ = std::make_unique<CurlTransport>(CurlTransport::Options{.bytes_per_second = rate});
  ChunkBody one(std::string(200'000, 'x'));
  ChunkBody two(std::string(200'000, 'x'));
  const auto started = std::chrono::steady_clock::now();
  auto first = start(one, one.size(), server_.url());
  auto second = start(two, two.size(), server_.url());
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  // Only a shorter time is an error, because a slow machine takes longer. A burst of an eighth of a
  // second's worth is allowed.
  EXPECT_GE(std::chrono::steady_clock::now() - started, 850ms);
}

}  // namespace
}  // namespace sluice::http_test
