#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "engine/http/exchange.h"
#include "engine/pipeline/payload_stream.h"
#include "engine/protocol/protocol.h"

namespace sluice {

/// The body of one Request: its head, its payload from a PayloadStream, its tail. Network thread
/// only.
class StreamedRequest final : public RequestBody {
 public:
  /// The result of the last read().
  enum class Gave {
    bytes,
    throttled,  ///< the rate limit is used up: read() was not called
    nothing,    ///< the next block has not arrived
    gated,      ///< cleared() allows no byte
    held,       ///< may_end() returned false
    all,        ///< the last byte of the body
  };

  /// Callbacks that observe and hold back the body.
  struct Hooks {
    /// Called by throttled() and after each read() that did not fail.
    std::function<void(Gave)> on_read = [](Gave) {};
    /// Returns the file offset up to which the payload may be sent; `offset` is that of the next
    /// payload byte. While the result is not greater than `offset`, read() returns not_yet, as with
    /// may_end().
    std::function<std::uint64_t(std::uint64_t offset)> cleared = [](std::uint64_t) {
      return ~std::uint64_t{0};
    };
    /// Returns whether the tail may be sent; called before the tail is sent. No server can act on
    /// the request without the tail. While this hook returns false, read() returns not_yet, and the
    /// owner of the hook must call Transport::resume() later.
    std::function<bool()> may_end = [] { return true; };
    /// Returns whether the payload may be read from its beginning again; called by rewind(). That
    /// takes the stream away from the other requests that read from it.
    std::function<bool()> may_rewind = [] { return true; };
  };

  /// `payload`: must be, by the first read(), at the beginning of the request's payload range or
  /// before it; not used if the range is empty. `request` and `payload` must outlive this.
  StreamedRequest(const Request& request, PayloadStream& payload, Hooks hooks)
      : request_(request), payload_(payload), hooks_(std::move(hooks)) {}

  Piece read(std::span<std::byte> into) override;
  void throttled() override {
    if (!abandoned_) hooks_.on_read(Gave::throttled);
  }
  bool rewind() override;
  /// Makes every later read() and rewind() fail: this request's part of the payload is no longer
  /// available.
  void abandon() { abandoned_ = true; }

  /// Returns why read() returned `failed`; nullopt after abandon().
  const std::optional<Error>& error() const { return error_; }
  /// Returns the number of body bytes that read() has returned.
  std::uint64_t bytes_read() const { return bytes_read_; }
  bool is_payload_read() const {
    return bytes_read_ >= request_.head.size() + request_.payload.size();
  }
  bool is_all_read() const { return bytes_read_ == request_.body_size(); }

 private:
  const Request& request_;
  PayloadStream& payload_;
  const Hooks hooks_;
  std::uint64_t bytes_read_ = 0;
  bool abandoned_ = false;
  std::optional<Error> error_;
};

}  // namespace sluice
