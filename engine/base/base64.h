#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// Returns `bytes` in Base64 with padding (RFC 4648 section 4). Any thread.
std::string base64(std::string_view bytes);

}  // namespace sluice
