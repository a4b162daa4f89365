#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "engine/http/curl_transport.h"
#include "tests/engine/socket_buffers.h"
#include "tests/support/scripted_server.h"

namespace sluice {

using test::Fault;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using namespace std::chrono_literals;

/// A body in memory, produced in pieces of at most `piece` bytes.
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

/// A multipart body in the form of a chunk, so that the server records its payload.
struct ChunkBody : TextBody {
  explicit ChunkBody(const std::string& payload, std::size_t piece = std::string::npos)
      : TextBody(
            "--b\r\nContent-Disposition: form-data; name=\"phase\"\r\n\r\ntransfer\r\n"
            "--b\r\nContent-Disposition: form-data; name=\"bytechunk\"; filename=\"b\"\r\n\r\n" +
                payload + "\r\n--b--\r\n",
            piece) {}
};

/// A fixture with a scripted server and a CurlTransport.
class HttpTest : public testing::Test {
 protected:
  /// Starts an exchange and returns; the future receives the response.
  std::future<Result<Answer>> start(RequestBody& body, std::uint64_t size, const std::string& url,
                                    std::chrono::seconds response_timeout = 60s) {
    auto promise = std::make_shared<std::promise<Result<Answer>>>();
    auto future = promise->get_future();
    Exchange exchange;
    exchange.url = url;
    exchange.headers = {"Content-Type: multipart/form-data; boundary=b",
                        "Authorization: Token token=t"};
    exchange.body = &body;
    exchange.body_size = size;
    exchange.response_timeout = response_timeout;
    exchange.connection = connection_;
    http_->post([this, exchange, promise] {
      last_ = http_->start(
          exchange, [promise](Result<Answer> answer) { promise->set_value(std::move(answer)); });
    });
    return future;
  }
  Result<Answer> post(RequestBody& body, std::uint64_t size,
                      std::chrono::seconds response_timeout = 60s) {
    return start(body, size, server_.url() + "/x", response_timeout).get();
  }
  Result<Answer> post(TextBody& body) { return post(body, body.size()); }
  Result<Answer> post_text(const std::string& text = "hello") {
    TextBody body(text);
    return post(body);
  }

  /// Blocks until all work posted before has run.
  void settle() {
    std::promise<void> done;
    http_->post([&] { done.set_value(); });
    done.get_future().wait();
  }

  Request::Connection connection_ = Request::Connection::any;
  test::SmallSendBuffers small_send_buffers_;
  ScriptedServer server_;
  std::unique_ptr<CurlTransport> http_ =
      std::make_unique<CurlTransport>(CurlTransport::Options{.stall_timeout = 30s});
  Transport::ExchangeId last_ = 0;  ///< written on the network thread only
};

}  // namespace sluice
