#include "engine/streamed_request.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace sluice {

RequestBody::Piece StreamedRequest::read(std::span<std::byte> into) {
  hooks_.on_read();
  const std::uint64_t payload_begin = request_.head.size();
  const std::uint64_t payload_end = payload_begin + request_.payload.size();
  std::size_t copied = 0;
  const auto copy_text = [&](std::string_view text) {
    const std::size_t length = std::min(text.size(), into.size() - copied);
    std::memcpy(into.data() + copied, text.data(), length);
    copied += length;
    handed_ += length;
  };

  while (copied < into.size() && handed_ < request_.body_size()) {
    if (handed_ < payload_begin) {
      copy_text(std::string_view(request_.head).substr(static_cast<std::size_t>(handed_)));
    } else if (handed_ < payload_end) {
      const std::uint64_t left = payload_end - handed_;
      Result<std::size_t> got = payload_.read(into.subspan(
          copied, static_cast<std::size_t>(std::min<std::uint64_t>(left, into.size() - copied))));
      if (!got) {
        error_ = std::move(got).error();
        return {Next::failed};
      }
      copied += *got;
      handed_ += *got;
      if (*got == 0) break;
    } else if (!hooks_.may_end()) {
      break;
    } else {
      copy_text(
          std::string_view(request_.tail).substr(static_cast<std::size_t>(handed_ - payload_end)));
    }
  }
  if (copied == 0) return {Next::not_yet};
  if (handed_ == request_.body_size()) all_handed_ = Clock::now();
  return {Next::bytes, copied};
}

bool StreamedRequest::rewind() {
  if (!request_.repeatable) return false;
  handed_ = 0;
  all_handed_.reset();
  if (request_.payload.size() > 0 && payload_.offset() != request_.payload.begin)
    payload_.seek(request_.payload.begin);
  return true;
}

}  // namespace sluice
