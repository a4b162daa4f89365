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

/// HTTP requests with streamed bodies, any number at once, on one thread: the network thread. What
/// uploads need of the network, and all that they see of it. CurlTransport
/// (engine/http/curl_transport.h) is the real one; a simulated world has another.
class Transport {
 public:
  /// The code of an error, no CURLcode, where the server had the whole request and did not answer
  /// in time. A connection that could not be made in time has CURLE_OPERATION_TIMEDOUT.
  static constexpr int unanswered = -1;
  using ExchangeId = std::uint64_t;
  /// Called on the network thread, once for each exchange. An Answer is what the server said,
  /// whatever the status. Errors: unreachable (the code is a CURLcode or `unanswered`;
  /// engine/http/curl_failure.h says which are retryable, and how often), usage (the proxy is
  /// none), interrupted (cancelled), failed (the body failed, or the answer was absurdly long:
  /// retryable). An answer whose Content-Encoding is broken has `truncated` set and the body up to
  /// there.
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

  Transport() = default;
  /// stop() and drain().
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Ends every exchange with `interrupted` and joins the thread. Several network threads that post
  /// to each other are all stopped before the first of them is destroyed: post() is safe until
  /// then. Not on the network thread.
  virtual void stop() = 0;
  /// After stop(): does on the caller's thread what was posted since, due or not, and ends the
  /// exchanges that it starts. Returns whether there was anything.
  virtual bool drain() = 0;

  /// Runs `work` on the network thread, in the order of the calls. Any thread. Work that is posted
  /// after stop() is run by drain().
  virtual void post(std::function<void()> work) = 0;

  /// The same, not before `when`; or in stop() or drain(), if that is earlier.
  virtual void post_at(std::chrono::steady_clock::time_point when, std::function<void()> work) = 0;

  /// Network thread only: starts an exchange.
  virtual ExchangeId start(const Exchange& exchange, OnAnswer on_answer) = 0;
  /// Network thread only: ends one, with `interrupted`, before it returns. No effect on one that is
  /// over.
  virtual void cancel(ExchangeId id) = 0;
  /// Network thread only: what the kernel knows of the connection of one that is under way. Nothing
  /// without a connection, or where the kernel does not tell.
  virtual std::optional<Answer::Network> network_of(ExchangeId id) const = 0;
  /// Whether the caller runs on the network thread. Any thread.
  virtual bool is_network_thread() const = 0;
  /// Processor time that the network thread has used, user and system. Any thread, before stop().
  virtual std::chrono::nanoseconds cpu_time() const = 0;
  /// Any thread: the body that said not_yet has more now. No effect where it has not, or is over.
  virtual void resume(ExchangeId id) = 0;
};

/// What the exchanges of all network threads share; engine/http/network_limits.h.
struct NetworkLimits;

/// Makes the transport of network thread `number`, which counts from 0. Throws where memory or
/// threads are not to be had.
using MakeTransport = std::function<std::unique_ptr<Transport>(
    unsigned number, const std::shared_ptr<NetworkLimits>& limits)>;

}  // namespace sluice
