#pragma once

#include <curl/curl.h>

#include <optional>
#include <string>

#include "engine/base/persistence.h"
#include "engine/http/http_proxy.h"
#include "engine/http/network_options.h"
#include "engine/http/trust.h"

namespace sluice {

/// The facts about an exchange that ended with a curl error.
struct CurlFailure {
  CURLcode code = CURLE_OK;  ///< curl's result
  std::string text = {};     ///< curl's error buffer; empty: the text of `code`
  std::string address = {};  ///< scheme, host and port of the server
  /// The server has responded earlier in this process, so an error that looks permanent may be
  /// transient.
  bool reached = false;
  bool kept_connection = false;  ///< the exchange reused a kept connection
  bool too_many_files = false;   ///< no socket: the limit on open files is reached
  int proxy_status = 0;          ///< HTTP status of the proxy's response to CONNECT; 0 for none
  std::string proxy_asks = {};   ///< the proxy's Proxy-Authenticate header; empty for none
  CURLproxycode proxy_error = CURLPX_OK;  ///< of a SOCKS proxy
  long verify_result = 0;                 ///< X509_V_ERR_* of the server's certificate
  long proxy_verify_result = 0;           ///< X509_V_ERR_* of an https:// proxy's certificate
  std::string issuer = {};                ///< issuer of the rejected certificate; empty if unknown
  /// The address family that was tried.
  NetworkOptions::Family family = NetworkOptions::Family::any;
  const Proxy& proxy;  ///< the proxy in use; outlives this
  const Trust& trust;  ///< the authorities in use; outlives this

  /// Whether the server is addressed by https.
  bool https() const { return address.starts_with("https:"); }
  /// Whether a TLS error occurred at the https:// proxy: the proxy has not responded to CONNECT
  /// yet.
  bool at_proxy() const {
    return proxy.shown.starts_with("https:") && proxy_status == 0 && !kept_connection;
  }
};

/// The meaning of a failure. `message`: one printable sentence without passwords. `persistence`:
/// how often a retry makes sense.
struct CurlVerdict {
  std::string message;
  Persistence persistence = Persistence::transient;
};
/// Returns the meaning of `failure`. Pure, any thread.
CurlVerdict judge(const CurlFailure& failure);

/// Returns the reason code (SSL_R_*) of the OpenSSL error that curl quotes in `text`
/// ("error:0A00010B:..."); nullopt if `text` contains no error of OpenSSL's SSL library.
std::optional<int> tls_reason(std::string_view text);

}  // namespace sluice
