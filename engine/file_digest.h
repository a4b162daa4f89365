#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "engine/block.h"
#include "io/result.h"
#include "io/sync.h"

namespace sluice {

/// XXH3, 64 bits, of one block. Any thread.
std::uint64_t block_checksum(std::span<const std::byte> bytes);

/// What has been seen of a file so far, in order: the digest of the whole (XXH128, what `xxh128sum`
/// prints), and the checksums of the blocks that may have to be read again. A block that is read
/// again must be the block it was, or the file changed under the upload.
///
/// add() is for one thread at a time (the in-order hand of the Window), xxh128() for when that is
/// over; forget_before() may come meanwhile, from any thread.
class FileDigest {
 public:
  /// `path` is for the error.
  FileDigest(std::string path, std::uint64_t size);

  /// Takes a checked block: the next one, or one that was there before. Error local_file if it was
  /// there before with other bytes.
  Result<void> add(const Block& block);

  /// The blocks in front of `offset` will not be read again: their checksums can go.
  void forget_before(std::uint64_t offset, std::size_t block_bytes);

  /// 32 hexadecimal digits; empty while the file has not been seen to its end.
  std::string xxh128() const;

 private:
  struct FreeState {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };

  const std::string path_;
  const std::uint64_t size_;
  std::unique_ptr<XXH3_state_t, FreeState> state_;
  std::uint64_t seen_ = 0;  ///< bytes
  Mutex mutex_;
  std::uint64_t next_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< the first block that was never there
  /// Checksums of the blocks [next_ - size(), next_).
  std::deque<std::uint64_t> checksums_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
