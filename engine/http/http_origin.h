#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

#include "engine/http/http_proxy.h"
#include "io/result.h"

namespace sluice {

/// The state that all exchanges with one origin (scheme, host and port) share. Network thread only.
struct HttpOrigin {
  struct FreeShare {
    void operator()(CURLSH* handle) const { curl_share_cleanup(handle); }
  };

  std::string address;  ///< "https://databank.illinois.edu:443"
  Proxy proxy;
  /// Keeps the origin's TLS sessions, which avoid a full handshake for each new connection, and its
  /// cookies, by which a load balancer selects the same back end again. In memory only, for this
  /// process and this origin. Outlives the handles that use it.
  std::unique_ptr<CURLSH, FreeShare> share;
  bool reached = false;             ///< the server has responded
  std::string refused_issuer = {};  ///< issuer of the last rejected certificate; empty for none
  /// Set if the origin is unusable, such as by a bad proxy: each exchange ends with it.
  std::optional<Error> error = {};
};

/// Creates the origin of `url`, with the proxy that `network` and the environment select. Throws
/// std::bad_alloc.
HttpOrigin make_origin(const std::string& url, const NetworkOptions& network);

/// Returns the address of the URL's origin, such as "https://databank.illinois.edu:443"; returns
/// `url` itself if it is not a URL.
std::string origin_address(const std::string& url);

}  // namespace sluice
