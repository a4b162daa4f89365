#include "engine/pipeline/streamed_request.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace sluice {

RequestBody::Piece StreamedRequest::read(std::span<std::byte> into) {
  if (abandoned_) return {Next::failed};
  const std::uint64_t payload_begin = request_.head.size();
  const std::uint64_t payload_end = payload_begin + request_.payload.size();
  std::size_t copied = 0;
  const auto copy_text = [&](std::string_view text) {
    const std::size_t length = std::min(text.size(), into.size() - copied);
    std::memcpy(into.data() + copied, text.data(), length);
    copied += length;
    bytes_read_ += length;
  };

  Gave gave = Gave::bytes;
  while (copied < into.size() && bytes_read_ < request_.body_size()) {
    if (bytes_read_ < payload_begin) {
      copy_text(std::string_view(request_.head).substr(static_cast<std::size_t>(bytes_read_)));
    } else if (bytes_read_ < payload_end) {
      const std::uint64_t at = request_.payload.begin + (bytes_read_ - payload_begin);
      const std::uint64_t cleared = std::min(hooks_.cleared(at), request_.payload.end);
      if (cleared <= at) {
        gave = Gave::gated;
        break;
      }
      Result<std::size_t> got =
          payload_.read(at, into.subspan(copied, static_cast<std::size_t>(std::min<std::uint64_t>(
                                                     cleared - at, into.size() - copied))));
      if (!got) {
        error_ = std::move(got).error();
        return {Next::failed};
      }
      copied += *got;
      bytes_read_ += *got;
      if (*got == 0) {
        gave = Gave::nothing;
        break;
      }
    } else if (!hooks_.may_end()) {
      gave = Gave::held;
      break;
    } else {
      copy_text(std::string_view(request_.tail)
                    .substr(static_cast<std::size_t>(bytes_read_ - payload_end)));
    }
  }
  if (is_all_read())
    gave = Gave::all;
  else if (copied > 0)
    gave = Gave::bytes;
  hooks_.on_read(gave);
  if (copied == 0) return {Next::not_yet};
  return {Next::bytes, copied};
}

bool StreamedRequest::rewind() {
  if (abandoned_) return false;
  if (bytes_read_ == 0) return true;  // no server acts on a request without its body
  if (!request_.repeatable) return false;
  if (request_.payload.size() > 0 && bytes_read_ > request_.head.size()) {
    if (!hooks_.may_rewind()) return false;
    payload_.seek(request_.payload.begin);
    payload_.claim(request_.payload.end);
  }
  bytes_read_ = 0;
  return true;
}

}  // namespace sluice
