#pragma once

#include <string>
#include <string_view>

namespace sluice::databankd {

/// Returns `bytes` compressed for `Content-Encoding: gzip`. Throws std::bad_alloc if out of memory.
std::string gzipped(std::string_view bytes);

}  // namespace sluice::databankd
