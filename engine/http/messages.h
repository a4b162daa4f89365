#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/server_certificate.h"

/// The messages that an upload and a server exchange: requests as a Protocol builds them, and
/// answers as they come back. Values, without any I/O.
namespace sluice {

/// The bytes [begin, end) of the file.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

/// One request, complete but for the base URL, the Authorization header and the file's bytes.
struct Request {
  enum class Method { post, patch, head, options, del };
  enum class Step {
    ask_name,       ///< is the name free? Changes nothing.
    begin,          ///< make room for the file; send `payload`, all of it, with that
    chunk,          ///< send `payload`
    ask_committed,  ///< how many bytes are there? Changes nothing.
    ask_parts,      ///< is a part of the file there? Changes nothing.
    join,           ///< make one of the parts, which are all there
    finish,         ///< register the file
    whole,          ///< send all of the file, `payload`, and register it with that
  };
  /// Which connection it may go over. A kept one may be dead, and if it is, nobody knows what of a
  /// request that must not be repeated arrived.
  enum class Connection {
    any,
    recent,  ///< a kept one that was in use a second ago, or a new one
    fresh,   ///< a new one, as long as there are few of them (FreshConnections); else as `recent`
    own,     ///< a new one
  };

  /// Longer than the 120 s after which today's Data Bank gives up its question about the token
  /// (engine/policy/request_limit.h): a request that is given up here before that still waits for a
  /// thread there.
  static constexpr std::chrono::seconds usual_patience{150};

  Step step = Step::ask_name;
  Method method = Method::post;
  std::string path;                  ///< behind the base URL; starts with '/'
  std::string url;                   ///< instead of that: absolute, of the base URL's origin
  std::vector<std::string> headers;  ///< "Name: value", without Authorization and Content-Length
  std::string head;                  ///< the body's bytes in front of the payload
  ByteRange payload;                 ///< the file's bytes that the body carries; empty for none
  std::string tail;                  ///< the body's bytes behind the payload
  /// Whether the server may get it twice without harm. If not, it is sent once, even where a kept
  /// connection turns out to be dead and nobody knows whether it arrived.
  bool repeatable = true;
  Connection connection = Connection::any;
  /// How long the server may think once it has the whole body.
  std::chrono::seconds patience = usual_patience;
  /// The same, where the user has set a time for all answers: not less than this. It grows with
  /// what the server has to copy for this request.
  std::chrono::seconds least_patience{0};

  std::uint64_t body_size() const { return head.size() + payload.size() + tail.size(); }
};

/// "PATCH"
const char* to_string(Request::Method method);

/// Returns how an error message begins: "sending a chunk of 'scan.h5' at offset 5242880 (PATCH)".
/// `file`: the file's name or path, fit to show. `offset`: of a chunk's first byte.
std::string describe(Request::Step step, std::string_view file,
                     std::optional<std::uint64_t> offset = {},
                     std::optional<Request::Method> method = {});

/// What came back. Untrusted: it can be HTML, empty, cut short, or not text at all.
struct Answer {
  int status = 0;  ///< HTTP status, 100 to 599
  /// The first Transport::kept_header_bytes of them, names in lower case, in the order they came.
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body;        ///< at most Transport::kept_body_bytes of it
  bool truncated = false;  ///< there was more, or the connection broke within it
  /// How long the server asks to be left alone (Retry-After, RFC 9110 10.2.3).
  std::optional<std::chrono::seconds> retry_after{};
  /// What the kernel knows of the connection, where it was kept and the kernel tells.
  struct Network {
    std::chrono::microseconds since_sent{};  ///< from the last segment that was sent to the answer
    std::chrono::microseconds round_trip{};  ///< smoothed
    /// Bytes that the kernel lets this connection have under way at most, whatever the network
    /// takes; 0 for not known.
    std::uint64_t most_under_way = 0;
    /// The least of the last minutes: what is more than that is spent in queues. 0: not known.
    std::chrono::microseconds least_round_trip{};
    std::uint64_t sent_again = 0;  ///< packets, since the connection was made
    /// Its congestion control is BBR: what it sends at is the rate that it has measured, which
    /// losses do not lower.
    bool bbr = false;
    /// Of the time that it had bytes to send, the share in which the size of the kernel's send
    /// buffer was what bounded it: 0 to 1; 0 where the kernel does not tell.
    double bounded_by_buffer = 0;
  };
  std::optional<Network> network{};
  /// The server's certificate, where Exchange::certificate asked, and there is TLS.
  std::optional<ServerCertificate> certificate{};

  /// The value of the header of that name (lower case), the last one if there are several.
  std::optional<std::string_view> header(std::string_view wanted) const {
    for (auto at = headers.rbegin(); at != headers.rend(); ++at)
      if (at->first == wanted) return at->second;
    return {};
  }
};

}  // namespace sluice
