#pragma once

#include <string>

#include "engine/http_proxy.h"
#include "io/result.h"

namespace sluice {

/// Which certificate authorities a server's certificate is checked against.
struct Trust {
  std::string file = {};  ///< PEM certificates; empty for the system's
  std::string directory =
      {};  ///< the same, by their hashes (openssl rehash); empty for the system's
  /// Who said so: "--ca-file", "CURL_CA_BUNDLE", "SSL_CERT_DIR and SSL_CERT_FILE"; empty for
  /// nobody.
  std::string source = {};
  /// `file` is all there is: the system's authorities are not trusted. Otherwise, as in curl, those
  /// of the system's directory are, too.
  bool alone = false;

  /// "the certificates in /etc/my.pem (from --ca-file)", for messages.
  std::string name() const;
};

/// Returns what is to be trusted: `ca_file` where it is not empty, else what the environment
/// variables CURL_CA_BUNDLE or else SSL_CERT_FILE and SSL_CERT_DIR say, as the curl command has it,
/// else the system's authorities. Error usage for a `ca_file` that cannot be read or holds no
/// certificate; variables are checked by curl, when a certificate is. Any thread.
Result<Trust> find_trust(const std::string& ca_file,
                         const Environment& environment = from_environment);

}  // namespace sluice
