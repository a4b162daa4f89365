#include "engine/file_digest.h"

#include <fmt/format.h>

#include <new>
#include <stdexcept>
#include <utility>

#include "engine/text.h"

// Debian builds xxHash for any x86-64 (SSE2, 15 GB/s here); the dispatching entry points of the
// same library use what the processor has (AVX2, AVX-512: 38 GB/s).
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#endif

namespace sluice {

std::uint64_t block_checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

FileDigest::FileDigest(std::string path, std::uint64_t size)
    : path_(std::move(path)), size_(size), state_(XXH3_createState()) {
  if (!state_) throw std::bad_alloc();
  XXH3_128bits_reset(state_.get());
}

Result<void> FileDigest::add(const Block& block) {
  MutexLock lock(mutex_);
  if (block.number > next_) throw std::logic_error("the digest missed a block");
  if (block.number == next_) {
    checksums_.push_back(block.checksum);
    ++next_;
    lock.unlock();
    XXH3_128bits_update(state_.get(), block.bytes.data(), block.bytes.size());
    seen_ += block.bytes.size();
    return {};
  }
  const std::uint64_t first = next_ - checksums_.size();
  if (block.number < first) throw std::logic_error("a block came back that was forgotten");
  if (checksums_[static_cast<std::size_t>(block.number - first)] == block.checksum) return {};
  return Error{
      ErrorKind::local_file,
      fmt::format("{} changed while it was being uploaded: bytes {} to {} are not what they were "
                  "when they were read first; start again once nothing writes to it",
                  printable(path_), block.offset, block.offset + block.bytes.size())};
}

void FileDigest::forget_before(std::uint64_t offset, std::size_t block_bytes) {
  const std::uint64_t keep = offset / block_bytes;
  MutexLock lock(mutex_);
  while (!checksums_.empty() && next_ - checksums_.size() < keep) checksums_.pop_front();
}

std::string FileDigest::xxh128() const {
  if (seen_ != size_) return {};
  const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace sluice
