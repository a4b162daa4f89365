#include "tools/databankd/http/fault_response.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "tools/databankd/http/client_socket.h"

namespace sluice::databankd {
namespace {

constexpr std::size_t body_piece = std::size_t{64} << 10;
constexpr std::uint64_t huge = std::uint64_t{64} << 20;

struct BrokenOff {
  int socket;
  std::string part;
};

ssize_t read_broken_off(void* self, std::uint64_t offset, char* buffer, std::size_t size) {
  const auto& [socket, part] = *static_cast<const BrokenOff*>(self);
  if (offset < part.size()) return static_cast<ssize_t>(part.copy(buffer, size, offset));
  wait_until_received(socket);
  reset(socket);
  return MHD_CONTENT_READER_END_WITH_ERROR;
}

void free_broken_off(void* self) {
  delete static_cast<BrokenOff*>(self);
}

ssize_t read_huge(void*, std::uint64_t offset, char* buffer, std::size_t size) {
  if (offset >= huge) return MHD_CONTENT_READER_END_OF_STREAM;
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(size, huge - offset));
  // Deeply nested JSON, to test parsers.
  std::memset(buffer, '[', length);
  return static_cast<ssize_t>(length);
}

}  // namespace

MHD_Response* broken_off_response(int socket, std::string_view body, std::uint64_t length) {
  auto state = std::make_unique<BrokenOff>(BrokenOff{socket, std::string(body.substr(0, length))});
  MHD_Response* response = MHD_create_response_from_callback(
      body.size(), body_piece, &read_broken_off, state.get(), &free_broken_off);
  if (response != nullptr) (void)state.release();  // owned by free_broken_off() now
  return response;
}

MHD_Response* huge_response() {
  return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, body_piece, &read_huge, nullptr,
                                           nullptr);
}

}  // namespace sluice::databankd
