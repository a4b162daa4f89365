#pragma once

#include <microhttpd.h>

#include <cstdint>
#include <string_view>

/// Invalid responses for fault injection.
namespace sluice::databankd {

/// Returns a response that announces `body`, sends its first `length` bytes and resets the
/// connection of `socket`. Null if out of memory.
MHD_Response* broken_off_response(int socket, std::string_view body, std::uint64_t length);

/// Returns a response of 64 MiB without a Content-Length. Null if out of memory.
MHD_Response* huge_response();

}  // namespace sluice::databankd
