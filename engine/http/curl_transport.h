#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/log.h"
#include "engine/http/network_limits.h"
#include "engine/http/network_options.h"
#include "engine/http/transport.h"
#include "engine/http/trust.h"

namespace sluice {

/// The real Transport: one network thread that alone uses its curl multi handle. An engine has one
/// or several of them (engine/http/network_threads.h). curl_transport.cc contains the loop,
/// http_transfer.h one exchange on its easy handle, http_origin.h the data that all exchanges with
/// one server share, curl_failure.h the meaning of curl's errors. Only these files, the sources of
/// http_transfer, and url.cc include curl.h.
class CurlTransport final : public Transport {
 public:
  struct Options {
    /// The rate limit over all exchanges together, in bytes per second; 0 for none. Ignored if
    /// `limits` is set.
    std::uint64_t bytes_per_second = 0;
    /// The timeout for a new connection, TLS handshake included.
    std::chrono::seconds connect_timeout{30};
    /// The longest time without progress while bytes remain to be sent.
    std::chrono::seconds stall_timeout{60};
    Trust trust = {};             ///< the certificate authorities, found by find_trust(network)
    NetworkOptions network = {};  ///< the proxy and the address family
    Log log = {};  ///< receives which proxy is used; called on the network thread; may be empty
    /// Name of the thread, at most 15 characters; empty: the process's name.
    std::string name = {};
    /// The limits that this thread shares with other network threads; null: none shared.
    std::shared_ptr<NetworkLimits> limits = {};
  };

  /// Starts the network thread. Throws std::bad_alloc, std::runtime_error or std::system_error.
  explicit CurlTransport(const Options& options);
  /// stop() and drain().
  ~CurlTransport() override;

  void stop() override;
  bool drain() override;
  void post(std::function<void()> work) override;
  void post_at(std::chrono::steady_clock::time_point when, std::function<void()> work) override;
  ExchangeId start(const Exchange& exchange, OnAnswer on_answer) override;
  void cancel(ExchangeId id) override;
  std::optional<Answer::Network> network_of(ExchangeId id) const override;
  bool is_network_thread() const override;
  std::chrono::nanoseconds cpu_time() const override;
  void resume(ExchangeId id) override;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

/// Returns a function that creates the CurlTransport of network thread N with `options`, but with
/// the name network-N and with the `limits` it is given.
MakeTransport curl_transports(CurlTransport::Options options);

}  // namespace sluice
