#include "engine/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

namespace sluice {
namespace {

using test::Fault;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

/// A body out of memory, in pieces of at most `piece` bytes.
class TextBody : public RequestBody {
 public:
  explicit TextBody(std::string text, std::size_t piece = std::string::npos)
      : text_(std::move(text)), piece_(piece) {}

  Piece read(std::span<std::byte> into) override {
    const std::size_t size = std::min({into.size(), text_.size() - at_, piece_});
    std::memcpy(into.data(), text_.data() + at_, size);
    at_ += size;
    return {Next::bytes, size};
  }
  bool rewind() override {
    ++rewinds_;
    if (!repeatable) return false;
    at_ = 0;
    return true;
  }

  bool repeatable = true;
  std::uint64_t size() const { return text_.size(); }
  int rewinds() const { return rewinds_; }

 private:
  const std::string text_;
  const std::size_t piece_;
  std::size_t at_ = 0;
  int rewinds_ = 0;
};

/// A multipart body that the server takes for a chunk, so that it notes what came.
struct ChunkBody : TextBody {
  explicit ChunkBody(const std::string& payload, std::size_t piece = std::string::npos)
      : TextBody(
            "--b\r\nContent-Disposition: form-data; name=\"phase\"\r\n\r\ntransfer\r\n"
            "--b\r\nContent-Disposition: form-data; name=\"bytechunk\"; filename=\"b\"\r\n\r\n" +
                payload + "\r\n--b--\r\n",
            piece) {}
};

class HttpTest : public testing::Test {
 protected:
  /// Starts an exchange and leaves; the answer comes later.
  std::future<Result<Answer>> start(RequestBody& body, std::uint64_t size, const std::string& url,
                                    std::chrono::seconds patience = 60s) {
    auto promise = std::make_shared<std::promise<Result<Answer>>>();
    auto future = promise->get_future();
    Exchange exchange;
    exchange.url = url;
    exchange.headers = {"Content-Type: multipart/form-data; boundary=b",
                        "Authorization: Token token=t"};
    exchange.body = &body;
    exchange.body_size = size;
    exchange.patience = patience;
    http_->post([this, exchange, promise] {
      last_ = http_->start(
          exchange, [promise](Result<Answer> answer) { promise->set_value(std::move(answer)); });
    });
    return future;
  }
  Result<Answer> post(RequestBody& body, std::uint64_t size, std::chrono::seconds patience = 60s) {
    return start(body, size, server_.url() + "/x", patience).get();
  }
  Result<Answer> post(TextBody& body) { return post(body, body.size()); }
  Result<Answer> post_text(const std::string& text = "hello") {
    TextBody body(text);
    return post(body);
  }

  /// Everything that was posted before has been done.
  void settle() {
    std::promise<void> done;
    http_->post([&] { done.set_value(); });
    done.get_future().wait();
  }

  ScriptedServer server_;
  std::unique_ptr<Http> http_ = std::make_unique<Http>(Http::Options{.stall_timeout = 30s});
  Http::ExchangeId last_ = 0;  ///< the network thread's
};

TEST_F(HttpTest, SendsTheBodyWholeWithItsLengthAndTheHeadersAndNoExpect) {
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

TEST_F(HttpTest, KeepsTheConnectionForTheNextRequest) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(post_text());
  EXPECT_EQ(server_.seen().size(), 5U);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HttpTest, AnAnswerIsWhatTheServerSaidWhateverTheStatus) {
  for (const int status : {200, 201, 301, 302, 307, 401, 404, 413, 500, 503, 599}) {
    server_.set_faults(
        {{.answer = http_answer(status, "said so", "Location: http://127.0.0.1:1/elsewhere\r\n")}});
    const int before = server_.count(Phase::any);
    const auto answer = post_text();
    ASSERT_TRUE(answer) << status << ": " << answer.error().message;
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->body, "said so");
    EXPECT_FALSE(answer->truncated);
    EXPECT_EQ(server_.count(Phase::any), before + 1) << "a redirect was followed, or repeated";
  }
}

TEST_F(HttpTest, UnderstandsInterimChunkedAndOldAnswers) {
  for (const std::string& raw :
       {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" +
            http_answer(200, "all well"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall "
                    "\r\n4\r\nwell\r\n0\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nall well\r\n0\r\n"
                    "X-Trailer: comes last\r\n\r\n"),
        std::string("HTTP/1.0 200 OK\r\n\r\nall well"),
        std::string("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall well")}) {
    for (const bool slowly : {false, true}) {
      server_.set_faults({{.answer = raw, .byte_by_byte = slowly, .then = Fault::Then::close}});
      const auto answer = post_text();
      ASSERT_TRUE(answer) << raw << answer.error().message;
      EXPECT_EQ(answer->status, 200);
      EXPECT_EQ(answer->body, "all well");
      EXPECT_FALSE(answer->truncated);
    }
  }
}

TEST_F(HttpTest, ALongAnswerIsKeptInPartAndAnEndlessOneEndsTheExchange) {
  server_.set_faults({{.answer = http_answer(200, std::string(Http::kept_body_bytes + 1, 'x'))}});
  const auto longer = post_text();
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->body, std::string(Http::kept_body_bytes, 'x'));
  EXPECT_TRUE(longer->truncated);

  server_.set_faults({{.answer = "HTTP/1.1 200 OK\r\n\r\nx", .endless = true}});
  const auto endless = post_text();
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().kind, ErrorKind::failed);
  EXPECT_THAT(endless.error().message, HasSubstr("longer than"));
}

TEST_F(HttpTest, EndlessHeadersEndTheExchange) {
  for (const char* raw : {"HTTP/1.1 200 OK\r\nX: x", "HTTP/1.1 200 OK\r\nX: y\r\nZ:\n"}) {
    server_.set_faults({{.answer = raw, .endless = true}});
    const auto answer = post_text();
    ASSERT_FALSE(answer);
    EXPECT_FALSE(answer.error().message.empty());
  }
}

/// Lines that are short enough for curl, and no end of them.
TEST_F(HttpTest, HeadersAreBoundedAllTogether) {
  const auto lines = [](std::size_t bytes) {
    const std::string line = "X-Filler: " + std::string(980, 'x') + "\r\n";
    std::string headers;
    while (headers.size() < bytes) headers += line;
    return headers;
  };
  server_.set_faults({{.answer = http_answer(200, "fine", lines(100 * 1024))},
                      {.occurrence = 1, .answer = http_answer(200, "fine", lines(300 * 1024))}});
  EXPECT_TRUE(post_text());
  const auto result = post_text();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::failed);
  EXPECT_TRUE(result.error().retryable);
  EXPECT_THAT(result.error().message, HasSubstr("262144"));
}

TEST_F(HttpTest, RetryAfterIsReadInSecondsAndAsADate) {
  const auto retry_after = [&](const std::string& value) {
    server_.set_faults({{.answer = http_answer(503, "", "Retry-After: " + value + "\r\n")}});
    return post_text()->retry_after;
  };
  EXPECT_EQ(retry_after("17"), std::chrono::seconds(17));
  EXPECT_EQ(retry_after("0"), std::nullopt);
  EXPECT_EQ(retry_after("soon"), std::nullopt);
  EXPECT_EQ(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), std::nullopt) << "over already";
  EXPECT_GT(retry_after("Fri, 31 Dec 2100 23:59:59 GMT"), std::chrono::hours(24 * 365 - 1));
  EXPECT_LE(retry_after("99999999999999999999"), std::chrono::hours(24 * 366));
}

TEST_F(HttpTest, AnAnswerThatIsCutShortIsNoAnswer) {
  const std::string cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsuccess";
  for (const auto then : {Fault::Then::close, Fault::Then::reset}) {
    server_.set_faults({{.occurrence = -1, .answer = cut, .then = then}});
    const auto answer = post_text();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_TRUE(answer.error().retryable);
  }
}

/// A connection can end at any byte: in the status line, in a header, between the two.
TEST_F(HttpTest, WhereverAnAnswerIsCutItIsNoneAndMayBeAskedForAgain) {
  const std::string whole = http_answer(200, "success", "Retry-After: 1\r\n");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    server_.set_faults(
        {{.occurrence = -1, .answer = whole.substr(0, size), .then = Fault::Then::close}});
    const auto answer = post_text();
    ASSERT_FALSE(answer) << "after " << size << " bytes: " << answer->status;
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable) << size;
    EXPECT_TRUE(answer.error().retryable) << size << ": " << answer.error().message;
  }
}

TEST_F(HttpTest, ARefusalWhoseHeadIsCutShortIsMarkedSo) {
  server_.set_faults({{.answer = "HTTP/1.1 500 No\r\nContent-Le", .then = Fault::Then::close}});
  const auto answer = post_text();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 500);
  EXPECT_TRUE(answer->truncated);
}

TEST_F(HttpTest, ARefusalCountsEvenIfItsBodyIsCutShort) {
  server_.set_faults(
      {{.answer = "HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\nno", .then = Fault::Then::close}});
  const auto answer = post_text();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 401);
  EXPECT_TRUE(answer->truncated);
}

TEST_F(HttpTest, NoAnswerAtAllIsUnreachable) {
  for (const auto then : {Fault::Then::close, Fault::Then::reset}) {
    server_.set_faults({{.occurrence = -1, .then = then}});
    const auto answer = post_text();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_FALSE(answer.error().message.empty());
  }
}

TEST_F(HttpTest, WhatIsNotHttpIsUnreachable) {
  for (const char* raw :
       {"SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\0", "HTTP/9.9 200 OK\r\n\r\n", "\r\n"}) {
    server_.set_faults({{.occurrence = -1, .answer = raw, .then = Fault::Then::close}});
    const auto answer = post_text();
    ASSERT_FALSE(answer) << raw << " -> " << answer->status;
    EXPECT_FALSE(answer.error().message.empty());
  }
}

/// Nothing listens at a port that was just given back.
TEST_F(HttpTest, AConnectionThatIsRefusedIsUnreachable) {
  const std::string url = ScriptedServer().url();
  TextBody body("hello");
  const auto answer = start(body, body.size(), url).get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(answer.error().retryable);
}

TEST_F(HttpTest, AnAnswerBeforeTheWholeRequestIsOnlyBelievedIfItRefuses) {
  const std::string payload(16 << 20, 'x');
  for (const int status : {413, 401, 500}) {
    server_.set_faults({{.after_body_bytes = 100'000,
                         .answer = http_answer(status, "no", "Connection: close\r\n"),
                         .then = Fault::Then::close}});
    ChunkBody body(payload);
    const auto answer = post(body);
    ASSERT_TRUE(answer) << status << ": " << answer.error().message;
    EXPECT_EQ(answer->status, status);
  }
  server_.set_faults({{.after_body_bytes = 100'000,
                       .answer = http_answer(200, "successfully added chunk to x"),
                       .then = Fault::Then::reset}});
  ChunkBody body(payload);
  const auto answer = post(body);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
}

TEST_F(HttpTest, ABodyThatDiedOnAKeptConnectionIsSentAgainFromItsBeginning) {
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

TEST_F(HttpTest, WhatMustNotBeRepeatedIsNotEvenOnADeadConnection) {
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

/// The server has gone between two requests, and says nothing about it.
TEST_F(HttpTest, AConnectionThatWasClosedMeanwhileIsReplaced) {
  server_.set_faults(
      {{.occurrence = -1, .answer = http_answer(200, "well"), .then = Fault::Then::close}});
  for (int i = 0; i < 20; ++i) {
    TextBody body("hello");
    const auto answer = post(body);
    ASSERT_TRUE(answer) << i << ": " << answer.error().message;
    EXPECT_EQ(answer->body, "well");
  }
}

TEST_F(HttpTest, AnAnswerThatDoesNotComeEndsTheExchange) {
  server_.set_faults({{.then = Fault::Then::hold}});
  TextBody body("hello");
  const auto answer = post(body, body.size(), 1s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(answer.error().message, HasSubstr("not answered for 1 s"));
}

// Bytes that come in, however often, are no answer: only the whole of it is.
TEST_F(HttpTest, AnAnswerThatTricklesInForEverEndsTheExchange) {
  for (const std::string& beginning :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nX: ")}) {
    server_.set_faults({{.occurrence = -1, .answer = beginning, .trickles = true}});
    TextBody body("hello");
    const auto answer = post(body, body.size(), 1s);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_THAT(answer.error().message, HasSubstr("not answered for 1 s"));
  }
}

TEST_F(HttpTest, AServerThatDoesNotTakeTheBodyEndsTheExchange) {
  http_ = std::make_unique<Http>(Http::Options{.stall_timeout = 1s});
  server_.set_faults({{.after_body_bytes = 1, .then = Fault::Then::hold}});
  ChunkBody body(std::string(32 << 20, 'x'));
  const auto answer = post(body);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(answer.error().message, HasSubstr("no byte could be sent for 1 s"));
}

/// Bytes come when the test says so.
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

TEST_F(HttpTest, WaitsForABodyThatHasNothingYetAndGoesOnWhenItIsToldTo) {
  SlowBody body;
  auto answer = start(body, 5, server_.url());
  for (int byte = 0; byte < 5; ++byte) {
    body.asked.wait(false);
    body.asked = false;
    body.ready = true;
    // Told twice, or while it is not waiting, does no harm.
    http_->post([this] {
      http_->resume(last_);
      http_->resume(last_);
    });
  }
  const auto got = answer.get();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(server_.seen()[0].complete);
}

/// The clock for stalls stands while the reason is on our side: the answer to a second exchange
/// that stalls tells that the time has passed for the first one too.
TEST_F(HttpTest, ABodyThatHasNothingYetIsNoStall) {
  http_ = std::make_unique<Http>(Http::Options{.stall_timeout = 1s});
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

TEST_F(HttpTest, ABodyThatFailsEndsTheExchangeAndNothingElse) {
  BrokenBody body;
  const auto answer = post(body, 10);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::failed);
  EXPECT_TRUE(post_text());
}

TEST_F(HttpTest, CancelEndsOneExchangeAndNotAnother) {
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

TEST_F(HttpTest, ItsDestructorEndsWhatIsLeft) {
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

TEST_F(HttpTest, PostedWorkRunsInOrderFromWhereverItComes) {
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

TEST_F(HttpTest, TimedWorkRunsWhenItsTimeHasComeOrAtTheEnd) {
  std::promise<std::chrono::steady_clock::time_point> ran;
  const auto when = std::chrono::steady_clock::now() + 20ms;
  http_->post_at(when, [&] { ran.set_value(std::chrono::steady_clock::now()); });
  EXPECT_GE(ran.get_future().get(), when);
  bool at_the_end = false;
  http_->post_at(when + std::chrono::hours(1), [&] { at_the_end = true; });
  http_.reset();
  EXPECT_TRUE(at_the_end);
}

TEST_F(HttpTest, ManyAtOnceEachGetTheirOwnAnswer) {
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

TEST_F(HttpTest, TheRateLimitHoldsOverAllExchangesTogether) {
  constexpr std::uint64_t rate = 400'000;
  http_ = std::make_unique<Http>(Http::Options{.bytes_per_second = rate});
  ChunkBody one(std::string(200'000, 'x'));
  ChunkBody two(std::string(200'000, 'x'));
  const auto started = std::chrono::steady_clock::now();
  auto first = start(one, one.size(), server_.url());
  auto second = start(two, two.size(), server_.url());
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  // Only too fast is wrong; a slow machine is slower. An eighth of a second's worth may go at once.
  EXPECT_GE(std::chrono::steady_clock::now() - started, 850ms);
}

TEST(SplitUrl, TakesAUrlApartAsCurlWillConnectToIt) {
  const auto parts = split_url("HTTPS://Databank.Illinois.edu:8443/a/b");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->scheme, "https");
  EXPECT_EQ(parts->host, "Databank.Illinois.edu");
  EXPECT_EQ(split_url("http://[::1]:3000")->host, "[::1]");
  // What looks like loopback to a careless eye.
  EXPECT_EQ(split_url("http://127.0.0.1@evil.example/")->host, "evil.example");
  for (const char* bad : {"", "databank.illinois.edu/x", "http://", "http://a b/", "/api"})
    EXPECT_FALSE(split_url(bad)) << bad;
}

}  // namespace
}  // namespace sluice
