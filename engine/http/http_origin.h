#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

#include "engine/http/http_proxy.h"
#include "io/result.h"

namespace sluice {

/// What all exchanges with one origin (scheme, host and port) have in common. The network thread's.
struct HttpOrigin {
  struct FreeShare {
    void operator()(CURLSH* handle) const { curl_share_cleanup(handle); }
  };

  std::string address;  ///< "https://databank.illinois.edu:443"
  Proxy proxy;
  /// Keeps the origin's TLS sessions, without which each new connection pays for a whole handshake,
  /// and its cookies, with which a load balancer finds the same back end again: in memory, for this
  /// process, for no other origin. Outlives the handles that use it.
  std::unique_ptr<CURLSH, FreeShare> share;
  bool reached = false;             ///< it has answered
  std::string refused_issuer = {};  ///< of the last certificate that was refused; empty: none was
  std::optional<Error> error = {};  ///< it cannot be reached at all: what each exchange ends with
};

/// The origin of `url`, reached as `network` says. Throws std::bad_alloc without memory.
HttpOrigin make_origin(const std::string& url, const NetworkOptions& network);

/// "https://databank.illinois.edu:443"; the URL itself where it is none.
std::string origin_address(const std::string& url);

}  // namespace sluice
