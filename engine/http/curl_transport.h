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

/// The real Transport: a network thread of its own, which alone owns its curl multi handle. An
/// engine has one or several of them (engine/http/network_threads.h). curl_transport.cc is the
/// loop, http_transfer.h one exchange on its easy handle, http_origin.h what those with one server
/// share, curl_failure.h what curl's errors mean. No file but those, http_transfer's sources and
/// url.cc includes curl.h.
class CurlTransport final : public Transport {
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

  explicit CurlTransport(const Options& options);
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

/// Makes a CurlTransport for each network thread, with those options but for `name`, which is
/// network-0, network-1 and so on, and `limits`.
MakeTransport curl_transports(CurlTransport::Options options);

}  // namespace sluice
