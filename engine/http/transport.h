#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "engine/http/exchange.h"
#include "engine/http/messages.h"
#include "io/result.h"

namespace sluice {

/// An HTTP client with streamed request bodies and any number of concurrent exchanges, all on one
/// thread: the network thread. It is the only interface to the network that uploads use.
/// CurlTransport (engine/http/curl_transport.h) is the real implementation; a simulated world has
/// another.
class Transport {
 public:
  /// The Error::code of a response timeout: the server had the whole request and did not respond in
  /// time. Not a CURLcode. A connection timeout has CURLE_OPERATION_TIMEDOUT.
  static constexpr int unanswered = -1;
  using ExchangeId = std::uint64_t;
  /// Receives the result of an exchange. Called on the network thread, exactly once for each
  /// exchange. An Answer is the server's response, whatever the status; if its Content-Encoding is
  /// broken, `truncated` is set and the body ends there. Errors:
  /// - unreachable: the code is a CURLcode or `unanswered`; engine/http/curl_failure.h defines
  ///   which codes are retryable, and how often.
  /// - usage: the proxy is invalid.
  /// - interrupted: cancelled.
  /// - failed: the body failed, or the response exceeded the limits below (the latter is
  ///   retryable).
  using OnAnswer = std::function<void(Result<Answer>)>;

  /// The bytes of a response body, decompressed, that are kept. Responses of a Data Bank have some
  /// hundred bytes.
  static constexpr std::size_t kept_body_bytes = 64 * 1024;
  /// The bytes of the response headers that are kept; the rest is dropped.
  static constexpr std::size_t kept_header_bytes = 16 * 1024;
  /// The largest response body; a longer one ends the exchange with an error.
  static constexpr std::size_t most_body_bytes = 1024 * 1024;
  /// The largest total size of the response headers; longer ones end the exchange with an error.
  static constexpr std::size_t most_header_bytes = 256 * 1024;

  Transport() = default;
  /// stop() and drain().
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Ends every exchange with `interrupted` and joins the network thread. Must not be called on the
  /// network thread. If several network threads post to each other, stop all of them before
  /// destroying the first: post() is safe until then.
  virtual void stop() = 0;
  /// Runs the work posted since stop() on the caller's thread, due or not, and ends the exchanges
  /// that this work starts. Call after stop(). Returns whether any work was run.
  virtual bool drain() = 0;

  /// Runs `work` on the network thread, in the order of the calls. Any thread. drain() runs the
  /// work that is posted after stop().
  virtual void post(std::function<void()> work) = 0;

  /// Runs `work` on the network thread at `when` or later; stop() or drain() run it earlier. Any
  /// thread.
  virtual void post_at(std::chrono::steady_clock::time_point when, std::function<void()> work) = 0;

  /// Starts an exchange, and returns its id, which is not 0. `exchange.body` must outlive the
  /// exchange. Network thread only.
  virtual ExchangeId start(const Exchange& exchange, OnAnswer on_answer) = 0;
  /// Ends an exchange with `interrupted` before this call returns. No effect on an exchange that
  /// has ended. Network thread only.
  virtual void cancel(ExchangeId id) = 0;
  /// Returns the kernel's data about the connection of an exchange in flight; nullopt without a
  /// connection or if the kernel provides no data. Network thread only.
  virtual std::optional<Answer::Network> network_of(ExchangeId id) const = 0;
  /// Whether the caller runs on the network thread. Any thread.
  virtual bool is_network_thread() const = 0;
  /// Returns the CPU time of the network thread, user and system. Any thread, before stop().
  virtual std::chrono::nanoseconds cpu_time() const = 0;
  /// Continues an exchange whose body returned not_yet. No effect if the body did not, or if the
  /// exchange has ended. Any thread.
  virtual void resume(ExchangeId id) = 0;
};

/// The limits that all network threads share; engine/http/network_limits.h.
struct NetworkLimits;

/// Creates the transport of network thread `number`, from 0 on. Throws if memory or threads are
/// exhausted.
using MakeTransport = std::function<std::unique_ptr<Transport>(
    unsigned number, const std::shared_ptr<NetworkLimits>& limits)>;

}  // namespace sluice
