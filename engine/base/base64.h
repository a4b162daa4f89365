#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// RFC 4648 section 4, padded. Any thread.
std::string base64(std::string_view bytes);

}  // namespace sluice
