#pragma once

#include <string>
#include <string_view>

#include "io/result.h"

namespace sluice {

/// Returns the absolute URL that `location` stands for, a tus server's Location header, relative or
/// absolute, where that is on the same server: the token goes there. `base`: the server's base URL.
/// An http URL of an https server is taken back behind its TLS proxy. Any thread. Error failed:
/// half a sentence, which does not quote the location.
Result<std::string> own_address(const std::string& base, std::string_view location);

}  // namespace sluice
