#include "engine/pipeline/payload_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace sluice {

PayloadStream::PayloadStream(const Pipeline::Setting& setting, std::function<void()> on_ready)
    : setting_(setting), on_ready_(std::move(on_ready)) {}

void PayloadStream::seek(std::uint64_t offset) {
  stop();
  error_.reset();
  begin_ = claimed_ = arrived_ = offset;
  passed_ = offset;
  open_ = true;
  if (offset < setting_.source.identity().size)
    pipeline_ = std::make_unique<Pipeline>(
        setting_, std::min(offset, setting_.digest.blocks() * setting_.block_bytes), on_ready_);
}

void PayloadStream::cancel() {
  open_ = false;
  digest_.reset();
  held_.clear();
  if (pipeline_) pipeline_->cancel();
}

void PayloadStream::stop() {
  open_ = false;
  digest_.reset();
  held_.clear();
  pipeline_.reset();
}

Result<void> PayloadStream::take_ready() {
  if (!open_) return {};
  while (pipeline_) {
    Window::Taken taken = pipeline_->take();
    if (taken.error) return *std::move(taken.error);
    if (!taken.block) {
      waiting_for_ = taken.waiting;
      break;
    }
    const std::uint64_t end = taken.block->offset + taken.block->bytes.size();
    if (end > begin_) {  // an earlier block is only for the digest
      const std::size_t left =
          static_cast<std::size_t>(end - std::max(begin_, taken.block->offset));
      held_.push_back({*std::move(taken.block), left});
      arrived_ = end;
    }
    if (end == setting_.source.identity().size) pipeline_.reset();
  }
  return {};
}

std::uint64_t PayloadStream::arrived() {
  if (const Result<void> taken = take_ready(); !taken) error_ = taken.error();
  return arrived_;
}

PayloadStream::Held& PayloadStream::held_at(std::uint64_t offset) {
  // held_ holds consecutive blocks, so the index follows from the block number.
  const std::uint64_t number = offset / setting_.block_bytes;
  if (held_.empty() || number < held_.front().block.number)
    throw std::logic_error(fmt::format("PayloadStream: no block is held at offset {}", offset));
  return held_[static_cast<std::size_t>(number - held_.front().block.number)];
}

void PayloadStream::hash(std::uint64_t begin, std::uint64_t end, const std::string& algorithm,
                         std::function<void()> on_done) {
  digest_begin_ = begin;
  digest_end_ = end;
  std::vector<std::span<const std::byte>> pieces;
  for (std::uint64_t at = begin; at < end;) {
    const Block& block = held_at(at).block;
    const std::size_t within = static_cast<std::size_t>(at - block.offset);
    const std::size_t length =
        static_cast<std::size_t>(std::min<std::uint64_t>(end - at, block.bytes.size() - within));
    pieces.push_back(block.bytes.subspan(within, length));
    at += length;
  }
  digest_ = std::make_unique<RangeDigest>(algorithm, std::move(pieces), setting_.workers,
                                          std::move(on_done));
}

const std::string* PayloadStream::digest_of(std::uint64_t begin, std::uint64_t end) const {
  if (!digest_ || digest_begin_ != begin || digest_end_ != end || !digest_->done()) return nullptr;
  return &digest_->result();
}

Result<std::size_t> PayloadStream::read(std::uint64_t offset, std::span<std::byte> into) {
  std::size_t copied = 0;
  while (copied < into.size()) {
    const std::uint64_t at = offset + copied;
    if (at >= arrived_) {
      TRY(take_ready());
      if (at >= arrived_) break;
    }
    Held& held = held_at(at);
    const std::size_t within = static_cast<std::size_t>(at - held.block.offset);
    const std::size_t length = std::min(into.size() - copied, held.block.bytes.size() - within);
    if (held.left < length)
      throw std::logic_error(fmt::format("PayloadStream: offset {} was read before", at));
    std::memcpy(into.data() + copied, held.block.bytes.data() + within, length);
    copied += length;
    held.left -= length;
    if (held.left == 0) held.block.buffer.release();
    while (!held_.empty() && held_.front().left == 0) held_.pop_front();
  }
  passed_ += copied;
  total_read_ += copied;
  return copied;
}

}  // namespace sluice
