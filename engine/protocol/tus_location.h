#pragma once

#include <string>
#include <string_view>

#include "io/result.h"

namespace sluice {

/// Returns the absolute URL of a tus server's Location header, or an error if the URL is on another
/// server, which must not get the token. `base`: the server's base URL. `location`: absolute or
/// relative to {base}/files/. Where `base` is https, an http URL of the same host becomes an https
/// one: a server behind a TLS proxy does not know its own scheme. Any thread.
///
/// Errors are of kind `failed`. Their message is a clause about the address, for the end of a
/// sentence, and does not quote `location`.
Result<std::string> resolve_location(const std::string& base, std::string_view location);

}  // namespace sluice
