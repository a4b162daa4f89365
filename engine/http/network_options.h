#pragma once

#include <string>

namespace sluice {

/// How to reach servers, and which certificates to accept. An empty field selects the value of the
/// environment or the system.
struct NetworkOptions {
  /// Which addresses of a host may be used.
  enum class Family { any, ipv4, ipv6 };

  /// A file of PEM certificates, and a directory of such files named by the hashes of their
  /// subjects (openssl rehash). If one is set, no other authorities are trusted. If both are empty:
  /// those that CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR name, or else the system's.
  std::string ca_file = {};
  std::string ca_dir = {};
  /// The proxy for hosts that no_proxy does not exempt: http, https, socks4, socks4a, socks5 or
  /// socks5h, with a user name and a password if the proxy requires them. Empty: the proxy of
  /// https_proxy and similar variables. A secret, because it may contain a password.
  std::string proxy = {};
  /// The source of each value, for messages: the option, "SLUICE_PROXY", or "/etc/sluice.toml, line
  /// 3".
  std::string ca_file_from = "--ca-file";
  std::string ca_dir_from = "--ca-dir";
  std::string proxy_from = "--proxy";
  Family family = Family::any;
};

}  // namespace sluice
