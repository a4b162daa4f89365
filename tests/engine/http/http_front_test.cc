// The effects of reverse proxies and proxies on an exchange: compressed bodies, cookies, refused
// tunnels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/http/http_fixture.h"
#include "tests/support/scripted_server.h"

namespace sluice::http_front_test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// gzip of "all well, said the server".
const std::string zipped(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xcc\xc9\x51\x28\x4f\xcd\xc9\xd1\x51\x28\x4e\xcc"
    "\x4c\x51\x28\xc9\x48\x55\x28\x4e\x2d\x2a\x4b\x2d\x02\x00\xc8\x7d\x19\xb4\x19\x00\x00\x00",
    45);

/// Returns gzip data of `size` bytes 'x' or a few more, compressed by a factor of 160 (RFC 1951,
/// 3.2.6), without the end of the stream.
std::string bomb(std::size_t size) {
  std::string bytes = zipped.substr(0, 10);
  unsigned bits = 0;
  unsigned count = 0;
  // Appends a Huffman code, most significant bit first.
  const auto put = [&](unsigned code, unsigned length) {
    for (unsigned i = length; i-- > 0;) {
      bits |= (code >> i & 1U) << count++;
      if (count < 8) continue;
      bytes += static_cast<char>(bits);
      bits = count = 0;
    }
  };
  put(0b110, 3);             // last block with fixed codes: 1, then 01 from its low end
  put(0b00110000 + 'x', 8);  // a literal
  for (std::size_t at = 1; at < size; at += 258) {
    put(0b11000101, 8);  // length 258,
    put(0, 5);           // distance 1
  }
  return bytes;
}

class HttpFrontTest : public HttpTest {
 protected:
  Result<Answer> answered(const std::string& raw, Fault::Then then = Fault::Then::keep_open) {
    server_.set_faults({{.answer = raw, .then = then}});
    return post_text();
  }
  Result<Answer> compressed(const std::string& body, int status = 200,
                            const std::string& encoding = "gzip") {
    return answered(
        http_answer(status, body, "Content-Encoding: " + encoding + "\r\nX-Kept: 1\r\n"));
  }
  /// Returns the Cookie header of the last request that `server` received.
  static std::string cookie_of(const ScriptedServer& server) {
    const auto seen = server.seen();
    const auto found = seen.back().headers.find("cookie");
    return found == seen.back().headers.end() ? "" : found->second;
  }
};

TEST_F(HttpFrontTest, DecodesCompressedBodiesWithoutRequestingThem) {
  for (const char* encoding : {"gzip", "x-gzip", "GZIP"}) {
    const auto answer = compressed(zipped, 200, encoding);
    ASSERT_TRUE(answer) << encoding << ": " << answer.error().message;
    EXPECT_EQ(answer->body, "all well, said the server");
    EXPECT_FALSE(answer->truncated);
  }
  EXPECT_EQ(server_.seen().back().headers["accept-encoding"], "identity");
}

TEST_F(HttpFrontTest, KeepsStatusAndHeadersOfBrokenCompressedBody) {
  for (const std::string& bad :
       {std::string("not compressed at all"), zipped.substr(0, 20) + "????",
        std::string("\x1f\x8b"), zipped + "more"})
    for (const int status : {200, 204, 403, 500}) {
      if (status == 204) continue;
      const auto answer = compressed(bad, status);
      ASSERT_TRUE(answer) << status << ": " << answer.error().message;
      EXPECT_EQ(answer->status, status);
      EXPECT_EQ(answer->header("x-kept"), "1");
    }
  const auto unknown = compressed("body", 200, "sluice-knows-not");
  ASSERT_TRUE(unknown) << unknown.error().message;
  EXPECT_TRUE(unknown->truncated);
  // An absent body needs no decompression.
  const auto none = answered("HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n");
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_FALSE(none->truncated);
}

TEST_F(HttpFrontTest, LimitsDecompressedSize) {
  const std::string most = bomb(CurlTransport::kept_body_bytes + 1000);
  EXPECT_LT(most.size(), 1000U);
  const auto longer = compressed(most);
  ASSERT_TRUE(longer) << longer.error().message;
  EXPECT_EQ(longer->body, std::string(CurlTransport::kept_body_bytes, 'x'));
  EXPECT_TRUE(longer->truncated);
  const auto endless = compressed(bomb(CurlTransport::most_body_bytes + 100'000));
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().kind, ErrorKind::failed);
  EXPECT_THAT(endless.error().message, HasSubstr("longer than"));
}

/// A success status before the whole request was sent is an error, whatever the encoding of the
/// body.
TEST_F(HttpFrontTest, RejectsEarlySuccessWithBrokenBody) {
  server_.set_faults({{.after_body_bytes = 100'000,
                       .answer = http_answer(200, "broken", "Content-Encoding: gzip\r\n"),
                       .then = Fault::Then::reset}});
  ChunkBody body(std::string(16 << 20, 'x'));
  const auto answer = post(body);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
}

TEST_F(HttpFrontTest, SendsCookieBackToItsOrigin) {
  ASSERT_TRUE(answered(http_answer(200, "", "Set-Cookie: backend=two; Path=/\r\n")));
  EXPECT_EQ(cookie_of(server_), "") << "no cookie was set yet";
  ASSERT_TRUE(post_text());
  EXPECT_EQ(cookie_of(server_), "backend=two");
  // Several concurrent requests, each on a handle of its own.
  std::vector<std::unique_ptr<TextBody>> bodies;
  std::vector<std::future<Result<Answer>>> answers;
  for (int i = 0; i < 5; ++i) {
    bodies.push_back(std::make_unique<TextBody>("hello"));
    answers.push_back(start(*bodies.back(), bodies.back()->size(), server_.url() + "/y"));
  }
  for (auto& answer : answers) ASSERT_TRUE(answer.get());
  for (const auto& seen : server_.seen())
    if (seen.target == "/y") {
      EXPECT_EQ(seen.headers.at("cookie"), "backend=two");
    }

  ASSERT_TRUE(answered(http_answer(503, "", "Set-Cookie: backend=three; Path=/\r\n")));
  ASSERT_TRUE(post_text());
  EXPECT_EQ(cookie_of(server_), "backend=three") << "the load balancer has set another back end";
}

TEST_F(HttpFrontTest, SendsCookieToNoOtherOrigin) {
  // The port is not part of a cookie's domain (RFC 6265, 8.5), but it is part of an origin.
  ASSERT_TRUE(answered(http_answer(200, "", "Set-Cookie: backend=two; Path=/\r\n")));
  ScriptedServer other;
  TextBody body("hello");
  ASSERT_TRUE(start(body, body.size(), other.url() + "/x").get());
  EXPECT_EQ(cookie_of(other), "");
  // A new transport does not send the cookie either.
  http_ = std::make_unique<CurlTransport>(CurlTransport::Options{.stall_timeout = 30s});
  ASSERT_TRUE(post_text());
  EXPECT_EQ(cookie_of(server_), "");
}

/// Sets an environment variable for the lifetime of the object. No other thread may run meanwhile.
class SetVariable {
 public:
  SetVariable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~SetVariable() { ::unsetenv(name_); }
  SetVariable(const SetVariable&) = delete;
  SetVariable& operator=(const SetVariable&) = delete;

 private:
  const char* const name_;
};

class ProxyTest : public HttpTest {
 protected:
  /// Sends a request through server_, which acts as the proxy.
  Result<Answer> ask(const std::string& url) {
    http_.reset();
    const std::string proxy = "http://me:s3cret@" + server_.url().substr(7);
    const SetVariable https("https_proxy", proxy);
    const SetVariable http("http_proxy", proxy);
    http_ = std::make_unique<CurlTransport>(CurlTransport::Options{
        .stall_timeout = 30s,
        .log = [this](LogLevel, const std::string& text) { said_ += text + '\n'; }});
    TextBody body("hello");
    auto answer = start(body, body.size(), url).get();
    http_.reset();
    EXPECT_THAT(said_, Not(HasSubstr("s3cret")));
    if (!answer) {
      EXPECT_THAT(answer.error().message, Not(HasSubstr("s3cret")));
    }
    return answer;
  }
  std::string said_;
};

TEST_F(ProxyTest, RefusedTunnelIsPermanentAndNamesTheProxy) {
  for (const int status : {407, 403, 405, 501}) {
    server_.set_faults({{.answer = http_answer(status, "<html>no</html>",
                                               "Proxy-Authenticate: Basic realm=\"campus\"\r\n"),
                         .then = Fault::Then::close}});
    const auto answer = ask("https://databank.example/files/");
    ASSERT_FALSE(answer) << status;
    EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
    EXPECT_FALSE(answer.error().retryable) << answer.error().message;
    EXPECT_THAT(answer.error().message, AllOf(HasSubstr("answered CONNECT "),
                                              HasSubstr("with HTTP " + std::to_string(status))));
    EXPECT_THAT(answer.error().message, HasSubstr(server_.url()));
  }
  EXPECT_EQ(server_.seen().back().method, "CONNECT");
  EXPECT_EQ(server_.seen().back().target, "databank.example:443");
  EXPECT_THAT(server_.seen().back().headers["proxy-authorization"], HasSubstr("Basic"));
  EXPECT_FALSE(server_.seen().back().headers.contains("authorization"))
      << "the proxy must not get the token";
  server_.set_faults({{.answer = http_answer(503, "busy"), .then = Fault::Then::close}});
  EXPECT_TRUE(ask("https://databank.example/").error().retryable);
}

/// The proxy closes the connection after its response to CONNECT.
TEST_F(ProxyTest, TunnelClosedAtOnceIsTransient) {
  server_.set_faults(
      {{.answer = "HTTP/1.1 200 Connection established\r\n\r\n", .then = Fault::Then::close}});
  const auto answer = ask("https://databank.example/files/");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(answer.error().retryable) << answer.error().message;
}

TEST_F(ProxyTest, LogsTheProxyInUse) {
  const auto answer = ask("http://databank.example/x");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(server_.seen().back().target, "http://databank.example/x");
  EXPECT_EQ(said_, "connecting to http://databank.example:80 through the proxy " + server_.url() +
                       " (from http_proxy)\n");
  said_.clear();
  const SetVariable exempt("no_proxy", "databank.example");
  ScriptedServer server;
  ASSERT_TRUE(ask(server.url() + "/x"));
  EXPECT_THAT(said_, HasSubstr("without the proxy in http_proxy"));
}

TEST_F(ProxyTest, InvalidProxyEndsExchangesWithUsageErrorOrCancel) {
  const SetVariable bad("https_proxy", "http://me:s3cret@127.0.0.1:99999");
  for (const bool cancel : {false, true}) {
    http_ = std::make_unique<CurlTransport>(CurlTransport::Options{});
    std::promise<Result<Answer>> answer;
    http_->post([&] {
      Exchange exchange;
      exchange.url = "https://databank.example/";
      const auto id = http_->start(
          exchange, [&](Result<Answer> result) { answer.set_value(std::move(result)); });
      if (cancel) http_->cancel(id);
    });
    const auto result = answer.get_future().get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, cancel ? ErrorKind::interrupted : ErrorKind::usage);
    EXPECT_THAT(result.error().message, Not(HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace sluice::http_front_test
