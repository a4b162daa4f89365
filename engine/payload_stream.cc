#include "engine/payload_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice {

PayloadStream::PayloadStream(const Pipeline::Setting& setting, std::function<void()> on_ready)
    : setting_(setting), on_ready_(std::move(on_ready)) {}

void PayloadStream::seek(std::uint64_t offset) {
  stop();
  offset_ = offset;
  if (offset < setting_.source.identity().size)
    pipeline_ = std::make_unique<Pipeline>(
        setting_, std::min(offset, setting_.digest.blocks() * setting_.block_bytes), on_ready_);
}

void PayloadStream::give_up() {
  block_.reset();
  given_up_ = true;
  if (pipeline_) pipeline_->give_up();
}

void PayloadStream::stop() {
  end_wait();
  block_.reset();
  pipeline_.reset();
  given_up_ = false;
}

Result<std::size_t> PayloadStream::read(std::span<std::byte> into) {
  end_wait();
  std::size_t copied = 0;
  while (copied < into.size() && pipeline_) {
    if (!block_) {
      Window::Taken taken = pipeline_->take();
      if (taken.error) return *std::move(taken.error);
      if (!taken.block) {
        if (copied == 0) {
          waiting_ = taken.waiting;
          waiting_since_ = std::chrono::steady_clock::now();
        }
        break;
      }
      block_ = std::move(taken.block);
      if (block_->offset + block_->bytes.size() <= offset_) {  // only for the digest
        block_.reset();
        continue;
      }
    }
    const std::size_t at = static_cast<std::size_t>(offset_ - block_->offset);
    const std::size_t length = std::min(into.size() - copied, block_->bytes.size() - at);
    std::memcpy(into.data() + copied, block_->bytes.data() + at, length);
    copied += length;
    offset_ += length;
    if (at + length == block_->bytes.size()) {
      block_.reset();
      if (offset_ == setting_.source.identity().size) pipeline_.reset();
    }
  }
  return copied;
}

void PayloadStream::end_wait() {
  if (!waiting_) return;
  const double waited =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - waiting_since_).count();
  (*waiting_ == Window::Waiting::read ? waited_for_read_ : waited_for_checksum_) += waited;
  waiting_.reset();
}

}  // namespace sluice
