#include "engine/upload/chunk_checksums.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/base64.h"

namespace sluice {

bool ChunkChecksums::add_to(Request& request) {
  if (!is_on() || request.payload.size() == 0) return true;
  if (request.payload.size() > check_.room_bytes) {
    // The server requires longer chunks than it announced.
    on_off_(request.payload.size());
    check_.algorithm.clear();
    return true;
  }
  const std::string* const digest = payload_.digest_of(request.payload.begin, request.payload.end);
  if (digest == nullptr) return false;
  request.headers.push_back(
      fmt::format("Upload-Checksum: {} {}", check_.algorithm, base64(*digest)));
  return true;
}

void ChunkChecksums::compute(ByteRange range) {
  // A checksum that is being computed calls on_ready at its end.
  if (payload_.hashing() || payload_.digest_of(range.begin, range.end) != nullptr) return;
  if (range.size() == 0 || payload_.arrived() < range.end) return;
  payload_.hash(range.begin, range.end, check_.algorithm, on_ready_);
}

std::optional<Request> ChunkChecksums::take_ready() {
  if (!held_) return {};
  if (add_to(*held_)) return std::exchange(held_, {});
  compute(held_->payload);
  return {};
}

}  // namespace sluice
