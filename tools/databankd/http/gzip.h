#pragma once

#include <string>
#include <string_view>

namespace sluice::databankd {

/// Returns `bytes` compressed as `Content-Encoding: gzip` has it. Throws std::bad_alloc where
/// memory is short.
std::string gzipped(std::string_view bytes);

}  // namespace sluice::databankd
