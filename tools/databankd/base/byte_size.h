#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::databankd {

/// Parses "500", "64K", "5M", "1G" or "2T", in powers of 1024. Empty for anything else.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

}  // namespace sluice::databankd
