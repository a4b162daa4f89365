#pragma once

#include <span>
#include <string>

#include "engine/http/http_proxy.h"
#include "engine/http/network_options.h"
#include "io/result.h"

namespace sluice {

/// The certificate authorities that sluice trusts.
struct Trust {
  std::string file = {};  ///< PEM certificates; empty for none
  /// PEM certificates named by their hashes (openssl rehash); empty for none.
  std::string directory = {};
  /// The source: "--ca-file", "SLUICE_CA_FILE", "SSL_CERT_DIR and SSL_CERT_FILE"; empty for the
  /// system's authorities.
  std::string source = {};
  /// Trust only these authorities. If false, the authorities in libcurl's own directory are trusted
  /// as well, as in curl.
  bool alone = false;

  /// Returns "the certificates in /etc/my.pem (from --ca-file)", for messages.
  std::string name() const;
};

/// Returns the paths at which systems keep one file with the certificates of all authorities, in
/// the order of the search: Debian and Alpine, Red Hat, SUSE, and others.
std::span<const char* const> system_bundles();

/// Returns the authorities to trust: the file and the directory of `options` if set; else those of
/// the environment variables CURL_CA_BUNDLE or else SSL_CERT_FILE and SSL_CERT_DIR, as the curl
/// command does; else the first readable file of `bundles`; else none, and libcurl uses its
/// built-in path. Error usage if a file or directory of `options` cannot be read or contains no
/// certificate. curl checks the files of the variables later, when it verifies a certificate. Any
/// thread.
Result<Trust> find_trust(const NetworkOptions& options,
                         const Environment& environment = from_environment,
                         std::span<const char* const> bundles = system_bundles());

}  // namespace sluice
