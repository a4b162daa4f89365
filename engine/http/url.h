#pragma once

#include <string>

#include "io/result.h"

/// URLs as curl's own parser reads them, so that the checked address is the address that curl
/// connects to. Any thread.
namespace sluice {

/// The parts of a URL.
struct UrlParts {
  std::string scheme;  ///< lower case
  /// The normal form of the URL: scheme and host in lower case, and no default port.
  std::string normal;
  std::string host;  ///< the host that curl connects to; an IPv6 address in brackets
  std::string port;  ///< the scheme's default port if the URL has none
};

/// Parses an absolute URL. Error usage if `url` is not one.
Result<UrlParts> split_url(const std::string& url);

/// Parses the URL of a proxy by curl's rules: the default scheme is http, and the default port is
/// 1080 (443 for https). `normal` contains the password if the URL does. Error usage if curl does
/// not accept the URL as a proxy; the message quotes nothing of the URL.
Result<UrlParts> split_proxy_url(const std::string& url);

/// Resolves `reference`, absolute or relative, against `base` (RFC 3986 5.2), without the fragment.
/// Error usage if `reference` is invalid, leads to a URL that is neither http nor https, or
/// contains a user name.
Result<UrlParts> resolve_url(const std::string& base, const std::string& reference);

}  // namespace sluice
