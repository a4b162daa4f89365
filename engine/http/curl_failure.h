#pragma once

#include <curl/curl.h>

#include <optional>
#include <string>

#include "engine/base/persistence.h"
#include "engine/http/http_proxy.h"
#include "engine/http/network_options.h"
#include "engine/http/trust.h"

namespace sluice {

/// What is known of an exchange that curl could not carry out.
struct CurlFailure {
  CURLcode code = CURLE_OK;
  std::string text = {};     ///< curl's own words; empty: those of the code
  std::string address = {};  ///< scheme, host and port of the server
  /// The server has answered before, in this process: what worked once works again, probably.
  bool reached = false;
  bool kept_connection = false;           ///< no connection was made for it
  bool too_many_files = false;            ///< no socket was to be had
  int proxy_status = 0;                   ///< of the proxy's answer to CONNECT; 0 for none
  std::string proxy_asks = {};            ///< its Proxy-Authenticate; empty for none
  CURLproxycode proxy_error = CURLPX_OK;  ///< of a SOCKS proxy
  long verify_result = 0;                 ///< X509_V_ERR_*, of the server's certificate
  long proxy_verify_result = 0;           ///< X509_V_ERR_*, of an https:// proxy's certificate
  std::string issuer = {};                ///< of the certificate that was refused, where known
  NetworkOptions::Family family = NetworkOptions::Family::any;  ///< what was tried
  const Proxy& proxy;
  const Trust& trust;

  bool https() const { return address.starts_with("https:"); }
  /// An https:// proxy has not answered yet, so that what fails in TLS fails there.
  bool at_proxy() const {
    return proxy.shown.starts_with("https:") && proxy_status == 0 && !kept_connection;
  }
};

/// What it means: a sentence, without passwords and fit to show, and whether a retry can help.
struct CurlVerdict {
  std::string message;
  Persistence persistence = Persistence::transient;
};
CurlVerdict judge(const CurlFailure& failure);

/// The reason in OpenSSL's words that curl repeats ("error:0A00010B:..."): SSL_R_*. Nothing where
/// there is none.
std::optional<int> tls_reason(std::string_view text);

}  // namespace sluice
