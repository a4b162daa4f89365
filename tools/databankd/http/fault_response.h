#pragma once

#include <microhttpd.h>

#include <cstdint>
#include <string_view>

/// Answers that no sound server gives.
namespace sluice::databankd {

/// Announces `body`, sends its first `length` bytes and resets the connection, whose socket this
/// is. Null where memory is short.
MHD_Response* broken_off_response(int socket, std::string_view body, std::uint64_t length);

/// 64 MiB, of no announced length. Null where memory is short.
MHD_Response* huge_response();

}  // namespace sluice::databankd
