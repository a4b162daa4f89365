#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/http/messages.h"

namespace sluice {

/// The body of one request, produced piece by piece. Called on the network thread only.
class RequestBody {
 public:
  enum class Next {
    bytes,    ///< `size` bytes were written into the span
    not_yet,  ///< nothing there now; Transport::resume() will be called once there is
    failed,   ///< there will never be; the exchange ends
  };
  struct Piece {
    Next next = Next::bytes;
    std::size_t size = 0;  ///< for `bytes`: 1 or more, less than or equal to the span
  };

  virtual ~RequestBody() = default;
  /// Copies the body's next bytes. Never asked for more than the whole size.
  virtual Piece read(std::span<std::byte> into) = 0;
  /// The rate limit lets nothing out now, so read() was not called.
  virtual void throttled() {}
  /// Starts over from the body's first byte, because the kept connection it went into was dead.
  /// False where that is not possible or not allowed.
  virtual bool rewind() = 0;
};

/// One request and its answer.
struct Exchange {
  Request::Method method = Request::Method::post;
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"; may hold a secret, which nothing here logs
  std::uint64_t body_size = 0;       ///< bytes; sent as the Content-Length
  RequestBody* body = nullptr;       ///< not owned; outlives the exchange; null for none
  Request::Connection connection = Request::Connection::any;
  /// How long the answer may take once the body is out.
  std::chrono::seconds patience = Request::usual_patience;
  bool certificate = false;  ///< the answer is to say what the server's certificate says
};

}  // namespace sluice
