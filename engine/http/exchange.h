#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/http/messages.h"

namespace sluice {

/// The body of one request, produced in pieces. All members are called on the network thread only.
class RequestBody {
 public:
  /// The result of read().
  enum class Next {
    bytes,    ///< `size` bytes were written to the span
    not_yet,  ///< no bytes available now; the body's owner calls Transport::resume() later
    failed,   ///< the body cannot be produced; the exchange ends with an error
  };
  struct Piece {
    Next next = Next::bytes;
    std::size_t size = 0;  ///< for `bytes`: from 1 to the size of the span
  };

  virtual ~RequestBody() = default;
  /// Copies the next bytes of the body into `into`. The transport never reads more bytes than the
  /// size of the whole body.
  virtual Piece read(std::span<std::byte> into) = 0;
  /// Called instead of read() when the rate limit blocks sending.
  virtual void throttled() {}
  /// Restarts the body from its first byte, after the kept connection that carried it turned out to
  /// be dead. Returns false if that is impossible or if the request is not safe to retry.
  virtual bool rewind() = 0;
};

/// One HTTP request, as the transport sends it.
struct Exchange {
  Request::Method method = Request::Method::post;
  std::string url;  ///< absolute
  /// "Name: value"; may contain a secret, which this room never logs.
  std::vector<std::string> headers;
  std::uint64_t body_size = 0;  ///< in bytes; sent as Content-Length
  RequestBody* body = nullptr;  ///< not owned; outlives the exchange; null for none
  Request::Connection connection = Request::Connection::any;
  /// The response timeout, which starts when the whole body has been sent.
  std::chrono::seconds response_timeout = Request::default_response_timeout;
  bool certificate = false;  ///< whether the Answer shall contain the server's certificate
};

}  // namespace sluice
