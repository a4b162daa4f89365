// The results of exchanges: which responses are accepted, and which are errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "tests/engine/http/http_fixture.h"
#include "tests/support/scripted_server.h"

namespace sluice::http_outcome_test {
namespace {

using testing::HasSubstr;

TEST_F(HttpTest, ReturnsResponseOfAnyStatus) {
  for (const int status : {200, 201, 301, 302, 307, 401, 404, 413, 500, 503, 599}) {
    server_.set_faults(
        {{.answer = http_answer(status, "said so", "Location: http://127.0.0.1:1/elsewhere\r\n")}});
    const int before = server_.count(Phase::any);
    const auto answer = post_text();
    ASSERT_TRUE(answer) << status << ": " << answer.error().message;
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->body, "said so");
    EXPECT_FALSE(answer->truncated);
    EXPECT_EQ(server_.count(Phase::any), before + 1)
        << "the transport followed a redirect or sent a retry";
  }
}

TEST_F(HttpTest, ParsesInterimChunkedAndHttp10Responses) {
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
      EXPECT_FALSE(answer->header("x-trailer")) << "a trailer is not a header";
    }
  }
}

TEST_F(HttpTest, TruncatesLongBodyAndFailsOnEndlessBody) {
  server_.set_faults(
      {{.answer = http_answer(200, std::string(CurlTransport::kept_body_bytes + 1, 'x'))}});
  const auto longer = post_text();
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->body, std::string(CurlTransport::kept_body_bytes, 'x'));
  EXPECT_TRUE(longer->truncated);

  server_.set_faults({{.answer = "HTTP/1.1 200 OK\r\n\r\nx", .endless = true}});
  const auto endless = post_text();
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().kind, ErrorKind::failed);
  EXPECT_THAT(endless.error().message, HasSubstr("longer than"));
}

TEST_F(HttpTest, FailsOnEndlessHeaders) {
  for (const char* raw : {"HTTP/1.1 200 OK\r\nX: x", "HTTP/1.1 200 OK\r\nX: y\r\nZ:\n"}) {
    server_.set_faults({{.answer = raw, .endless = true}});
    const auto answer = post_text();
    ASSERT_FALSE(answer);
    EXPECT_FALSE(answer.error().message.empty());
  }
}

/// Each line is short enough for curl, but the lines do not end.
TEST_F(HttpTest, LimitsTotalHeaderSize) {
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

TEST_F(HttpTest, ParsesRetryAfterAsSecondsAndDate) {
  const auto retry_after = [&](const std::string& value) {
    server_.set_faults({{.answer = http_answer(503, "", "Retry-After: " + value + "\r\n")}});
    return post_text()->retry_after;
  };
  EXPECT_EQ(retry_after("17"), std::chrono::seconds(17));
  EXPECT_EQ(retry_after("0"), std::nullopt);
  EXPECT_EQ(retry_after("soon"), std::nullopt);
  EXPECT_EQ(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), std::nullopt) << "in the past";
  EXPECT_GT(retry_after("Fri, 31 Dec 2100 23:59:59 GMT"), std::chrono::hours(24 * 365 - 1));
  EXPECT_LE(retry_after("99999999999999999999"), std::chrono::hours(24 * 366));
}

TEST_F(HttpTest, RejectsTruncatedSuccess) {
  const std::string cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsuccess";
  for (const auto then : {Fault::Then::close, Fault::Then::reset}) {
    server_.set_faults({{.occurrence = -1, .answer = cut, .then = then}});
    const auto answer = post_text();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_TRUE(answer.error().retryable);
  }
}

/// The connection can close at any byte: in the status line, in a header, or between the two.
TEST_F(HttpTest, RetriesResponseTruncatedAtAnyByte) {
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

TEST_F(HttpTest, MarksErrorResponseWithTruncatedHeaders) {
  server_.set_faults({{.answer = "HTTP/1.1 500 No\r\nContent-Le", .then = Fault::Then::close}});
  const auto answer = post_text();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 500);
  EXPECT_TRUE(answer->truncated);
}

TEST_F(HttpTest, AcceptsErrorResponseWithTruncatedBody) {
  server_.set_faults(
      {{.answer = "HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\nno", .then = Fault::Then::close}});
  const auto answer = post_text();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 401);
  EXPECT_TRUE(answer->truncated);
}

TEST_F(HttpTest, MissingResponseIsUnreachable) {
  for (const auto then : {Fault::Then::close, Fault::Then::reset}) {
    server_.set_faults({{.occurrence = -1, .then = then}});
    const auto answer = post_text();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_FALSE(answer.error().message.empty());
  }
}

TEST_F(HttpTest, NonHttpResponseFails) {
  for (const char* raw :
       {"SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\0", "HTTP/9.9 200 OK\r\n\r\n", "\r\n"}) {
    server_.set_faults({{.occurrence = -1, .answer = raw, .then = Fault::Then::close}});
    const auto answer = post_text();
    ASSERT_FALSE(answer) << raw << " -> " << answer->status;
    EXPECT_FALSE(answer.error().message.empty());
  }
}

/// No process listens at a port that was just released.
TEST_F(HttpTest, RefusedConnectionIsUnreachable) {
  const std::string url = ScriptedServer().url();
  TextBody body("hello");
  const auto answer = start(body, body.size(), url).get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(answer.error().retryable);
}

TEST_F(HttpTest, AcceptsEarlyResponseOnlyIfItIsAnError) {
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

TEST_F(HttpTest, TimesOutWithoutResponse) {
  server_.set_faults({{.then = Fault::Then::hold}});
  TextBody body("hello");
  const auto answer = post(body, body.size(), 1s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(answer.error().message, HasSubstr("no response for 1 s"));
  EXPECT_EQ(answer.error().code, Transport::unanswered);
}

/// The listener never reads the request.
TEST_F(HttpTest, ConnectTimeoutDiffersFromResponseTimeout) {
  http_ = std::make_unique<CurlTransport>(CurlTransport::Options{.stall_timeout = 1s});
  server_.set_faults({{.after_body_bytes = 1, .then = Fault::Then::hold}});
  TextBody none("");
  const std::string tls = "https" + server_.url().substr(std::string_view("http").size());
  const auto answer = start(none, 0, tls, 1s).get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(answer.error().message, HasSubstr("no byte could be sent for 1 s"));
  EXPECT_NE(answer.error().code, Transport::unanswered);
}

/// Makes socket() fail with `error` on this thread and on the threads that it starts. A limit on
/// open files would affect the sanitizers as well, which open files from time to time.
void forbid_sockets(int error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{.len = std::size(program), .filter = program};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

/// curl reports that the server is unreachable.
TEST_F(HttpTest, ReportsTooManyOpenFiles) {
  for (const int error : {EMFILE, ENFILE, EACCES})
    std::thread([&] {
      forbid_sockets(error);
      http_ = std::make_unique<CurlTransport>(CurlTransport::Options{.stall_timeout = 30s});
      const auto answer = post_text();
      ASSERT_FALSE(answer);
      const bool too_many = answer.error().message.find("too many open files") != std::string::npos;
      EXPECT_EQ(too_many, error != EACCES) << answer.error().message;
      EXPECT_TRUE(answer.error().retryable) << "other exchanges may release a descriptor";
    }).join();
}

/// The second exchange runs on the connection of the first one, after the first has ended.
TEST_F(HttpTest, QueuesExchangesWithoutDescriptor) {
  server_.set_faults({{.occurrence = 0, .then = Fault::Then::hold}});
  TextBody first("first"), second("second"), third("third");
  auto first_answer = start(first, first.size(), server_.url());
  ASSERT_TRUE(server_.wait_for(Phase::any));
  http_->post([] { forbid_sockets(EMFILE); });
  auto second_answer = start(second, second.size(), server_.url());
  auto third_answer = start(third, third.size(), server_.url());
  EXPECT_EQ(second_answer.wait_for(500ms), std::future_status::timeout)
      << "twice the retry interval";
  server_.release();
  EXPECT_TRUE(first_answer.get());
  EXPECT_TRUE(second_answer.get());
  EXPECT_TRUE(third_answer.get());
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HttpTest, CancelsExchangeQueuedForDescriptor) {
  server_.set_faults({{.occurrence = 0, .then = Fault::Then::hold}});
  TextBody first("first"), second("second");
  auto first_answer = start(first, first.size(), server_.url());
  ASSERT_TRUE(server_.wait_for(Phase::any));
  http_->post([] { forbid_sockets(EMFILE); });
  auto second_answer = start(second, second.size(), server_.url());
  EXPECT_EQ(second_answer.wait_for(300ms), std::future_status::timeout);
  http_->post([this] { http_->cancel(last_); });
  const auto cancelled = second_answer.get();
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().kind, ErrorKind::interrupted);
  server_.release();
  EXPECT_TRUE(first_answer.get());
}

// Received bytes do not extend the response timeout: the whole response must arrive in time.
TEST_F(HttpTest, TimesOutOnTricklingResponse) {
  for (const std::string& beginning :
       {std::string("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nX: ")}) {
    server_.set_faults({{.occurrence = -1, .answer = beginning, .trickles = true}});
    TextBody body("hello");
    const auto answer = post(body, body.size(), 1s);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_THAT(answer.error().message, HasSubstr("no response for 1 s"));
  }
}

TEST_F(HttpTest, TimesOutIfServerDoesNotReadBody) {
  http_ = std::make_unique<CurlTransport>(CurlTransport::Options{.stall_timeout = 1s});
  server_.set_faults({{.after_body_bytes = 1, .then = Fault::Then::hold}});
  ChunkBody body(std::string(32 << 20, 'x'));
  const auto answer = post(body);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(answer.error().message, HasSubstr("no byte could be sent for 1 s"));
  EXPECT_NE(answer.error().code, Transport::unanswered);
}

}  // namespace
}  // namespace sluice::http_outcome_test
