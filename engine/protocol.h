#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/secret.h"
#include "engine/server_profile.h"
#include "io/result.h"

/// The seam between an upload and the servers it can go to.
///
/// A Protocol is a state machine for one upload. It builds requests and reads answers; it does no
/// I/O, owns no thread and sees no curl, so every answer a server can give is a unit test. Whoever
/// drives it (engine/upload_run.h) asks next(), carries the request out, and hands what came back
/// to read_answer(), until next() has nothing more to ask.
///
/// Not thread safe: one thread at a time, the network thread in practice.
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
  /// (engine/request_limit.h): a request that is given up here before that still waits for a thread
  /// there.
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
  /// The first Http::kept_header_bytes of them, names in lower case, in the order they came.
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body;        ///< at most Http::kept_body_bytes of it
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

class Protocol {
 public:
  virtual ~Protocol() = default;

  /// As reports write it: "phased".
  virtual std::string_view name() const = 0;

  /// The next request, or nothing once the file is registered. `chunk_bytes`, at least 1: a chunk's
  /// payload has that many, or what is left of the file. Each request is to be answered, by
  /// read_answer(), before the next is asked for.
  virtual std::optional<Request> next(std::uint64_t chunk_bytes) = 0;

  /// The chunk behind `last`, a chunk that is out or is to follow one that is, or a `begin` without
  /// payload that is out, so that it can travel while `last` is being answered. Its last bytes must
  /// wait until `last` is confirmed. Nothing where there is no such chunk, or the protocol does not
  /// allow for it.
  virtual std::optional<Request> after(const Request& last, std::uint64_t chunk_bytes) const {
    static_cast<void>(last);
    static_cast<void>(chunk_bytes);
    return {};
  }
  /// Instead of next(): `request`, from after(), is the one whose answer comes next, as the one
  /// before it was confirmed.
  virtual void follows(const Request& request) { static_cast<void>(request); }

  /// What the answer to the last request means: either the machine has moved on, or it has not, and
  /// the error says why (any ErrorKind but local_file, usage and interrupted). A retryable error
  /// may be followed by recover(), any other is the end. A `begin` whose payload alone was refused
  /// is no error: upload_url() is empty then, and the same request follows without the payload.
  virtual Result<void> read_answer(const Answer& answer) = 0;

  /// The last request failed and may be tried again: its answer was lost, or read_answer() gave a
  /// retryable error. The next request finds out how things stand, where repeating blindly could do
  /// harm; committed() may go back, to what the server still has.
  virtual void recover() = 0;
  /// The server holds this upload's bytes, and none of them are wanted: the next request makes room
  /// for the file anew. committed() is 0 then.
  virtual void start_over() = 0;
  /// The file may have been registered after all: the next request asks, whatever was next before.
  virtual void ask_registered() = 0;
  /// The token is another one from now on: only so that it can be kept out of what is quoted.
  virtual void replace_token(const Secret& token) = 0;

  /// How many bytes the server has confirmed.
  virtual std::uint64_t committed() const = 0;

  /// The least that a chunk may have which does not reach the end of the file: the server throws
  /// away what is less. May grow as answers come.
  virtual std::uint64_t least_chunk() const { return 1; }
  /// No request of more than so many of the file's bytes gets through (413): a least_chunk() above
  /// that which was only supposed, and not seen, is given up.
  virtual void limit_chunk(std::uint64_t /*bytes*/) {}
  /// Whether the server keeps a chunk's bytes as they come, so that it can have a part of one; else
  /// a chunk is there as a whole or not at all.
  virtual bool keeps_parts_of_chunks() const { return false; }
  /// Whether ask_registered() can find out. Where not, a `finish` or `whole` whose answer was lost
  /// must not be sent again by itself.
  virtual bool can_ask_registered() const { return true; }
  /// Whether the server has said that the file is registered. What next() still asks then, if
  /// anything, is under which name, and no answer to that undoes it.
  virtual bool is_registered() const = 0;
  /// The name under which the server has registered the file, once is_registered(); empty where it
  /// is the one asked for, or not known. Passes check_deposit_name(), else untrusted.
  virtual std::string registered_name() const { return {}; }
  /// A part of the file that the server has.
  struct Part {
    std::string url;         ///< absolute
    std::uint64_t size = 0;  ///< bytes
  };
  /// The parts of the file are all there, in its order: they are to become one.
  virtual void join(std::vector<Part> parts) { static_cast<void>(parts); }
  /// After recover(): whether the server may be joining the parts now, as nobody knows what became
  /// of the request to.
  virtual bool may_be_joining() const { return false; }
  /// Where the bytes go, absolute, once the server has said so; empty before that, and where there
  /// is no such address.
  virtual std::string upload_url() const { return {}; }

  /// What the same upload, begun once more, does over where this one ends with the last answer and
  /// nothing of it can have been registered.
  enum class Anew {
    nothing,          ///< it would fail again
    what_is_missing,  ///< what the server does not have any more
    all,
    whole,  ///< all of it, and not in parts: the server has them, and does not join them
  };
  virtual Anew anew() const { return Anew::nothing; }

  /// Returns the end of the error of an upload whose registration is unconfirmed: says so, and
  /// where to look or what to run. No error of read_answer() says it already.
  virtual std::string doubt() const = 0;
};

/// What an earlier run of the same upload left behind.
struct Resumption {
  /// Bytes of the file that may have been sent: the server cannot hold more of it.
  std::uint64_t sent = 0;
  /// The file may be registered already: the request to do so may have gone out.
  bool finishing = false;
};

/// What a protocol has to know of the file.
struct Deposit {
  std::string dataset;     ///< passes check_dataset_key()
  std::string name;        ///< passes check_deposit_name()
  std::uint64_t size = 0;  ///< bytes, at most max_file_size
  /// The name that the server gave this very file when an earlier run registered it; empty for
  /// none.
  std::string stored_before{};
};

}  // namespace sluice
