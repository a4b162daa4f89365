#include "engine/digest/file_digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/base/text.h"
#include "engine/digest/fast_xxhash.h"

namespace sluice {

std::uint64_t block_checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

FileDigest::FileDigest(std::string path, std::uint64_t size, std::vector<DigestKind> extra)
    : path_(std::move(path)), size_(size), kinds_(std::move(extra)) {
  make_extra();
}

void FileDigest::make_extra() {
  extra_.clear();
  extra_error_.reset();
  for (const DigestKind kind : kinds_) {
    Result<EvpDigest> digest = EvpDigest::create(kind);
    if (digest)
      extra_.push_back(*std::move(digest));
    else
      extra_error_ = std::move(digest).error();
  }
}

bool FileDigest::resume(std::uint64_t blocks, std::size_t block_bytes,
                        std::vector<std::uint64_t> checksums, std::string_view state) {
  if (checksums.size() > blocks || blocks > (size_ + block_bytes - 1) / block_bytes) return false;
  Xxh128State loaded;
  if (!loaded.load(state) || loaded.total() != std::min(blocks * block_bytes, size_)) return false;
  {
    MutexLock hashing(hash_mutex_);
    state_.load(state);
    MutexLock lock(mutex_);
    next_ = end_ = earlier_ = blocks;
    checksums_.assign(checksums.begin(), checksums.end());
  }
  if (blocks > 0) {
    extra_.clear();
    extra_error_.reset();
  }
  return true;
}

void FileDigest::expect(std::vector<std::uint64_t> checksums) {
  start_over();
  MutexLock lock(mutex_);
  earlier_ = end_ = checksums.size();
  checksums_.assign(checksums.begin(), checksums.end());
}

void FileDigest::start_over() {
  make_extra();
  MutexLock hashing(hash_mutex_);
  state_.reset();
  MutexLock lock(mutex_);
  next_ = end_ = earlier_ = 0;
  checksums_.clear();
  if (keep_from_ != nothing) keep_from_ = 0;
}

Result<void> FileDigest::add(const Block& block) {
  if (extra_error_) return *extra_error_;
  {
    MutexLock lock(mutex_);
    if (block.number > next_)
      throw std::logic_error(
          fmt::format("FileDigest: block {} was added before block {}", block.number, next_));
    if (block.number < first_kept())
      throw std::logic_error("FileDigest: the checksum of this block was discarded");
    if (block.number < end_ &&
        checksums_[static_cast<std::size_t>(block.number - first_kept())] != block.checksum)
      return changed(block);
    if (block.number < next_) return {};
  }
  {
    MutexLock hashing(hash_mutex_);
    state_.update(block.bytes);
    // Both locks are held, so that a snapshot contains the state and the checksum, or neither.
    MutexLock lock(mutex_);
    if (next_ == end_) {
      checksums_.push_back(block.checksum);
      ++end_;
    }
    ++next_;
  }
  for (EvpDigest& digest : extra_) digest.update(block.bytes);
  return {};
}

Error FileDigest::changed(const Block& block) const {
  const std::string which = fmt::format("the bytes from offset {} to {}", block.offset,
                                        block.offset + block.bytes.size());
  if (block.number < earlier_)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot resume {}: the file changed since its upload began: {} differ from "
                    "the bytes sent; when no program writes to the file any more, upload it "
                    "again with --restart",
                    printable(path_), which)};
  return Error{ErrorKind::local_file,
               fmt::format("cannot upload {}: the file changed during the upload: {} differ from "
                           "the bytes read before; when no program writes to the file any more, "
                           "upload the file again with --restart",
                           printable(path_), which)};
}

void FileDigest::forget_before(std::uint64_t offset, std::size_t block_bytes) {
  MutexLock lock(mutex_);
  const std::uint64_t keep =
      std::min({offset / block_bytes, keep_from_, next_ - std::min(next_, always_kept)});
  while (!checksums_.empty() && first_kept() < keep) checksums_.pop_front();
}

void FileDigest::keep_from(std::uint64_t block) {
  MutexLock lock(mutex_);
  keep_from_ = block;
}

bool FileDigest::knows(std::uint64_t block) const {
  MutexLock lock(mutex_);
  // Expected blocks of an earlier run are accepted as well: a reader that goes back starts at
  // blocks().
  return block >= first_kept() && block <= std::max(next_, end_);
}

std::uint64_t FileDigest::blocks() const {
  MutexLock lock(mutex_);
  return next_;
}

FileDigest::Snapshot FileDigest::snapshot(std::uint64_t first) const {
  Snapshot result;
  MutexLock hashing(hash_mutex_);
  result.state = state_.save();
  MutexLock lock(mutex_);
  result.blocks = next_;
  result.first = std::min(first, next_);
  if (result.first < first_kept())
    throw std::logic_error("FileDigest: a requested checksum was discarded");
  const auto begin = checksums_.begin() + static_cast<std::ptrdiff_t>(result.first - first_kept());
  result.checksums.assign(begin, begin + static_cast<std::ptrdiff_t>(next_ - result.first));
  return result;
}

std::string FileDigest::xxh128() const {
  MutexLock hashing(hash_mutex_);
  return state_.total() == size_ ? state_.hex() : std::string();
}

std::string FileDigest::extra(DigestKind kind) const {
  {
    MutexLock hashing(hash_mutex_);
    if (state_.total() != size_) return {};
  }
  for (const EvpDigest& digest : extra_)
    if (digest.kind() == kind) return digest.hex();
  return {};
}

}  // namespace sluice
