#pragma once

#include <span>
#include <string>

#include "engine/http/http_proxy.h"
#include "engine/http/network_options.h"
#include "io/result.h"

namespace sluice {

/// Which certificate authorities a server's certificate is checked against.
struct Trust {
  std::string file = {};       ///< PEM certificates; empty for none
  std::string directory = {};  ///< the same, by their hashes (openssl rehash); empty for none
  /// Who said so: "--ca-file", "SLUICE_CA_FILE", "SSL_CERT_DIR and SSL_CERT_FILE"; empty for
  /// nobody: the system's.
  std::string source = {};
  /// There are no other authorities. Otherwise, as in curl, those of libcurl's own directory are
  /// trusted, too.
  bool alone = false;

  /// "the certificates in /etc/my.pem (from --ca-file)", for messages.
  std::string name() const;
};

/// Where systems have one file with the certificates of all authorities: Debian and Alpine, Red
/// Hat, SUSE, and others, in the order of the search.
std::span<const char* const> system_bundles();

/// Returns what is to be trusted: the options' file and directory where there are any, else what
/// the environment variables CURL_CA_BUNDLE or else SSL_CERT_FILE and SSL_CERT_DIR say, as the curl
/// command has it, else the first of `bundles` that is there. Without any of them libcurl looks
/// where it was built to. Error usage for a file or directory of the options that cannot be read or
/// holds no certificate; variables are checked by curl, when a certificate is. Any thread.
Result<Trust> find_trust(const NetworkOptions& options,
                         const Environment& environment = from_environment,
                         std::span<const char* const> bundles = system_bundles());

}  // namespace sluice
