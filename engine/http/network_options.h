#pragma once

#include <string>

namespace sluice {

/// How servers are reached, and whose certificates are accepted. Empty fields: as the environment
/// and the system have it.
struct NetworkOptions {
  /// Which addresses of a host are used.
  enum class Family { any, ipv4, ipv6 };

  /// A file of PEM certificates, and a directory of such files under the hashes of their subjects
  /// (openssl rehash): the only authorities that servers are trusted by. Both empty: those that
  /// CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR name, or else the system's.
  std::string ca_file = {};
  std::string ca_dir = {};
  /// The proxy for hosts that no_proxy does not exempt: http, https, socks4, socks4a, socks5 or
  /// socks5h, with a user and a password where it asks for them. Empty: that of https_proxy and the
  /// like. A secret, as it may hold a password.
  std::string proxy = {};
  /// Who said each of them, for messages: the option, or "SLUICE_PROXY", "/etc/sluice.toml, line
  /// 3".
  std::string ca_file_from = "--ca-file";
  std::string ca_dir_from = "--ca-dir";
  std::string proxy_from = "--proxy";
  Family family = Family::any;
};

}  // namespace sluice
