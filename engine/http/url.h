#pragma once

#include <string>

#include "io/result.h"

/// URLs as curl's own parser has them, so that what is checked is what is connected to. Any thread.
namespace sluice {

/// A URL taken apart.
struct UrlParts {
  std::string scheme;  ///< lower case
  /// The same URL: scheme and host in lower case, no port that is the usual one.
  std::string normal;
  std::string host;  ///< as curl connects to it; an IPv6 address in brackets
  std::string port;  ///< the usual one where none is given
};

/// Error usage for what is no absolute URL.
Result<UrlParts> split_url(const std::string& url);

/// A proxy's URL, whose scheme may be missing (http then) and whose port is 1080 unless given (443
/// for https), as curl has it. `normal` holds the password where there is one. Error usage for what
/// curl takes for no proxy; the message quotes nothing of it.
Result<UrlParts> split_proxy_url(const std::string& url);

/// Where `reference`, absolute or relative, leads from `base` (RFC 3986 5.2), as the same parts.
/// Error usage for what is no reference, or leads to no http or https URL, or names a user.
Result<UrlParts> resolve_url(const std::string& base, const std::string& reference);

}  // namespace sluice
