#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/server_certificate.h"

/// The messages that an upload and a server exchange: requests, built by a Protocol, and responses.
/// Values without any I/O.
namespace sluice {

/// The bytes [begin, end) of the file.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

/// One request, complete except for the base URL, the Authorization header and the bytes of the
/// file.
struct Request {
  enum class Method { post, patch, head, options, del };
  /// The action that the request performs.
  enum class Step {
    ask_name,       ///< ask whether the name is free; no side effects
    begin,          ///< start the upload; the request carries all of `payload`
    chunk,          ///< send `payload`, one chunk
    ask_committed,  ///< ask for the committed offset; no side effects
    ask_parts,      ///< ask whether a part of the file exists; no side effects
    join,           ///< join the parts, all of which are complete
    finish,         ///< register the file
    whole,          ///< send the whole file, `payload`, and register it in one request
  };
  /// Which connection may carry the request. A kept connection may be dead; then the client cannot
  /// know how much of a request that is not safe to retry has arrived.
  enum class Connection {
    any,
    recent,  ///< a kept connection that was used within the last second, or a new one
    fresh,   ///< a new connection within the budget of FreshConnections; else as `recent`
    own,     ///< always a new connection
  };

  /// The default response timeout. It exceeds the 120 s after which today's Data Bank times out its
  /// own token check (engine/policy/request_limit.h): a request that the client cancels earlier
  /// still occupies a thread of the server.
  static constexpr std::chrono::seconds default_response_timeout{150};

  Step step = Step::ask_name;
  Method method = Method::post;
  std::string path;  ///< appended to the base URL; starts with '/'
  std::string url;   ///< if set, used instead of `path`: an absolute URL with the base URL's origin
  std::vector<std::string> headers;  ///< "Name: value", without Authorization and Content-Length
  std::string head;                  ///< the body's bytes before the payload
  ByteRange payload;                 ///< the range of the file in the body; empty for none
  std::string tail;                  ///< the body's bytes after the payload
  /// Whether the request is safe to retry (idempotent). If false, the request is sent only once,
  /// even if a kept connection turns out to be dead and the client cannot know whether the request
  /// arrived.
  bool repeatable = true;
  Connection connection = Connection::any;
  /// The response timeout, which starts when the server has the whole body.
  std::chrono::seconds response_timeout = default_response_timeout;
  /// The least response timeout if the user has set one timeout for all requests. Grows with the
  /// bytes that the server must copy for this request.
  std::chrono::seconds least_response_timeout{0};

  /// Returns the size of the whole body in bytes.
  std::uint64_t body_size() const { return head.size() + payload.size() + tail.size(); }
};

/// Returns the method's name, such as "PATCH".
const char* to_string(Request::Method method);

/// Returns the first part of an error message: "sending a chunk of 'scan.h5' at offset 5242880
/// (PATCH)". `file`: the file's name or path, printable. `offset`: of a chunk's first byte.
std::string describe(Request::Step step, std::string_view file,
                     std::optional<std::uint64_t> offset = {},
                     std::optional<Request::Method> method = {});

/// The server's response. Untrusted: it can be HTML, empty, truncated, or not text at all.
struct Answer {
  int status = 0;  ///< HTTP status, 100 to 599
  /// The first Transport::kept_header_bytes of the headers in the order of arrival; names in lower
  /// case.
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body;  ///< the first Transport::kept_body_bytes of the body
  /// `body` is incomplete: the body was longer, or the connection closed early.
  bool truncated = false;
  /// The server's Retry-After (RFC 9110 10.2.3).
  std::optional<std::chrono::seconds> retry_after{};
  /// The kernel's data about the connection (tcp(7), TCP_INFO). Set if the connection was kept and
  /// the kernel provides the data.
  struct Network {
    std::chrono::microseconds since_sent{};  ///< from the last segment sent to the response
    std::chrono::microseconds round_trip{};  ///< smoothed
    /// The most bytes that the kernel's send buffer allows in flight on this connection,
    /// independent of the network; 0 if unknown.
    std::uint64_t max_in_flight_bytes = 0;
    /// The least round trip of the last minutes. The excess over it is queueing delay. 0 if
    /// unknown.
    std::chrono::microseconds least_round_trip{};
    std::uint64_t sent_again = 0;  ///< retransmitted packets since the connection was made
    /// The congestion control is BBR: the connection sends at the rate that BBR has measured, which
    /// losses do not reduce.
    bool bbr = false;
    /// The share of the sending time in which the size of the kernel's send buffer was the limit: 0
    /// to 1; 0 if unknown.
    double bounded_by_buffer = 0;
  };
  std::optional<Network> network{};
  /// The server's certificate; set if Exchange::certificate is true and the connection uses TLS.
  std::optional<ServerCertificate> certificate{};

  /// Returns the value of the header `wanted` (lower case); the last value if the header is
  /// repeated.
  std::optional<std::string_view> header(std::string_view wanted) const {
    for (auto at = headers.rbegin(); at != headers.rend(); ++at)
      if (at->first == wanted) return at->second;
    return {};
  }
};

}  // namespace sluice
