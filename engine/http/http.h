#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/log.h"
#include "engine/http/messages.h"
#include "engine/http/network_limits.h"
#include "engine/http/network_options.h"
#include "engine/http/trust.h"
#include "io/result.h"

/// HTTP requests with streamed bodies, any number at once, on one thread of its own: a network
/// thread, which alone owns its curl multi handle. An engine has one or several of them
/// (engine/http/network_threads.h). http.cc is the loop, http_transfer.h one exchange on its easy
/// handle, http_origin.h what those with one server share, curl_failure.h what curl's errors mean.
/// No file but those, http_transfer's sources and url.cc includes curl.h.
namespace sluice {

/// The body of one request, produced piece by piece. Called on the network thread only.
class RequestBody {
 public:
  enum class Next {
    bytes,    ///< `size` bytes were written into the span
    not_yet,  ///< nothing there now; Http::resume() will be called once there is
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

class Http {
 public:
  struct Options {
    /// Limit over all exchanges together; 0 for none. Counts where there are no `limits`.
    std::uint64_t bytes_per_second = 0;
    std::chrono::seconds connect_timeout{30};
    /// How long no byte may move while there is something to send.
    std::chrono::seconds stall_timeout{60};
    Trust trust = {};             ///< whose certificates are accepted: that of `network`, found
    NetworkOptions network = {};  ///< its proxy and its family
    Log log = {};  ///< told which proxy is used; called on the network thread; may be empty
    std::string name = {};  ///< of the thread, at most 15 characters; empty: the process's
    /// What this thread shares with other network threads; null: nothing.
    std::shared_ptr<NetworkLimits> limits = {};
  };
  /// The code of an error, no CURLcode, where the server had the whole request and did not answer
  /// in time. A connection that could not be made in time has CURLE_OPERATION_TIMEDOUT.
  static constexpr int unanswered = -1;
  using ExchangeId = std::uint64_t;
  /// Called on the network thread, once for each exchange. An Answer is what the server said,
  /// whatever the status. Errors: unreachable (the code is a CURLcode or `unanswered`;
  /// curl_failure.h says which are retryable, and how often), usage (the proxy is none),
  /// interrupted (cancelled), failed (the body failed, or the answer was absurdly long: retryable).
  /// An answer whose Content-Encoding is broken has `truncated` set and the body up to there.
  using OnAnswer = std::function<void(Result<Answer>)>;

  /// Of an answer's body, decompressed, so many bytes are kept; those of a Data Bank have some
  /// hundreds.
  static constexpr std::size_t kept_body_bytes = 64 * 1024;
  /// Of its headers so many, and the rest is forgotten.
  static constexpr std::size_t kept_header_bytes = 16 * 1024;
  /// A body beyond this ends the exchange with an error,
  static constexpr std::size_t most_body_bytes = 1024 * 1024;
  /// and so do headers, all of them together, beyond that.
  static constexpr std::size_t most_header_bytes = 256 * 1024;

  explicit Http(const Options& options);
  /// stop() and drain().
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  /// Ends every exchange with `interrupted` and joins the thread. Several network threads that post
  /// to each other are all stopped before the first of them is destroyed: post() is safe until
  /// then. Not on the network thread.
  void stop();
  /// After stop(): does on the caller's thread what was posted since, due or not, and ends the
  /// exchanges that it starts. Returns whether there was anything.
  bool drain();

  /// Runs `work` on the network thread, in the order of the calls. Any thread. Work that is posted
  /// after stop() is run by drain().
  void post(std::function<void()> work);

  /// The same, not before `when`; or in stop() or drain(), if that is earlier.
  void post_at(std::chrono::steady_clock::time_point when, std::function<void()> work);

  /// Network thread only: starts an exchange.
  ExchangeId start(const Exchange& exchange, OnAnswer on_answer);
  /// Network thread only: ends one, with `interrupted`, before it returns. No effect on one that is
  /// over.
  void cancel(ExchangeId id);
  /// Network thread only: what the kernel knows of the connection of one that is under way. Nothing
  /// without a connection, or where the kernel does not tell.
  std::optional<Answer::Network> network_of(ExchangeId id) const;
  /// Whether the caller runs on the network thread. Any thread.
  bool is_network_thread() const;
  /// Processor time that the network thread has used, user and system. Any thread, before stop().
  std::chrono::nanoseconds cpu_time() const;
  /// Any thread: the body that said not_yet has more now. No effect where it has not, or is over.
  void resume(ExchangeId id);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace sluice
