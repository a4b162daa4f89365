#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/block.h"
#include "engine/digest/digest_kind.h"
#include "engine/digest/evp_digest.h"
#include "engine/digest/xxh128_state.h"
#include "io/result.h"
#include "io/sync.h"

namespace sluice {

/// XXH3, 64 bits, of one block. Any thread.
std::uint64_t block_checksum(std::span<const std::byte> bytes);

/// What has been seen of a file so far, in order: the digest of the whole (XXH128, what `xxh128sum`
/// prints, and others where they are asked for), and the checksums of the blocks that may have to
/// be read again or written into the journal. A block that is read again must be the block it was,
/// or the file changed under the upload; so must one that an earlier run has read.
///
/// Threads: what changes where it is (resume, expect, start_over) and add() are for one thread at a
/// time (the in-order hand of the Window); xxh128() and extra() for when that is over; all others
/// for any thread at any time. Of those, only snapshot() may wait for a block being hashed, and
/// only for its XXH128 (0.3 ms for 4 MiB, where MD5 takes 7).
class FileDigest {
 public:
  /// Checksums that are kept whatever is forgotten: 8 MiB of them, so that a server that has lost
  /// its last bytes can be served again.
  static constexpr std::uint64_t always_kept = std::uint64_t{1} << 20;

  /// `path` is for the errors. `extra`: more digests of the whole file, each once.
  FileDigest(std::string path, std::uint64_t size, std::vector<DigestKind> extra = {});

  /// Goes on from what an earlier run wrote into the journal, before the first add(): that many
  /// blocks of `block_bytes` have been seen, and the next one is block `blocks`. `checksums`: of
  /// the last of them, the blocks [blocks - checksums.size(), blocks). `state`: Snapshot::state
  /// after `blocks` blocks. False, and nothing changed, where that is not usable (another version
  /// of xxHash, damaged, or of another number of bytes): then the file has to be read again from
  /// its beginning, with expect().
  ///
  /// xxh128() will cover the whole file; the extra digests cannot be had any more, as OpenSSL's
  /// state cannot be saved.
  [[nodiscard]] bool resume(std::uint64_t blocks, std::size_t block_bytes,
                            std::vector<std::uint64_t> checksums, std::string_view state);

  /// Begins at the file's beginning, before the first add(), but the blocks [0, checksums.size())
  /// must be what they were in an earlier run. For a file that is read a second time.
  void expect(std::vector<std::uint64_t> checksums);

  /// Forgets everything seen and expected: the next block is the first one, and the extra digests
  /// are on again.
  void start_over();

  /// Takes a checked block: the next one, or one that was there before. Error local_file if it was
  /// there before, or in an earlier run, with other bytes; failed if OpenSSL lacks an extra digest.
  Result<void> add(const Block& block);

  /// The blocks in front of `offset` will not be read again: their checksums can go, but for the
  /// newest `always_kept` ones and those that keep_from() asks for.
  void forget_before(std::uint64_t offset, std::size_t block_bytes);
  /// From now on the checksums of `block` and those behind it stay, until this says otherwise. At
  /// first nobody asks for any (`nothing`). A journal says 0 before the first add(), or where it
  /// goes on, and then after each record how far it has come, so that snapshot() has what it does
  /// not have yet; `nothing` if it fails.
  void keep_from(std::uint64_t block);
  static constexpr std::uint64_t nothing = ~std::uint64_t{0};

  /// Whether that block, if it comes, can be compared or is the next one. Where not, only
  /// start_over() helps.
  bool knows(std::uint64_t block) const;
  /// How many blocks have been seen.
  std::uint64_t blocks() const;

  struct Snapshot {
    std::uint64_t first = 0;               ///< the block of the first checksum
    std::vector<std::uint64_t> checksums;  ///< of the blocks [first, blocks)
    std::uint64_t blocks = 0;              ///< that have been seen
    /// What resume() takes; empty where it cannot be saved (Xxh128State::save()).
    std::string state;
  };
  /// All of one moment. `first`: at least what keep_from() said, or their checksums may be gone,
  /// which is a bug; where it is more than blocks(), as after start_over(), it counts as that.
  Snapshot snapshot(std::uint64_t first) const;

  /// 32 hexadecimal digits; empty while the file has not been seen to its end.
  std::string xxh128() const;
  /// Hexadecimal digits; empty while the file has not been seen to its end, where it was not asked
  /// for, and where it cannot be had.
  std::string extra(DigestKind kind) const;
  /// Whether blocks that come will be hashed by OpenSSL too, which is slow: 7 ms for 4 MiB. Not
  /// beside resume() or start_over().
  bool has_extra() const { return !extra_.empty() || extra_error_; }

 private:
  void make_extra();
  std::uint64_t first_kept() const SLUICE_REQUIRES(mutex_) { return end_ - checksums_.size(); }
  Error changed(const Block& block) const SLUICE_REQUIRES(mutex_);

  const std::string path_;
  const std::uint64_t size_;
  const std::vector<DigestKind> kinds_;

  // The thread's that add()s.
  std::vector<EvpDigest> extra_;
  std::optional<Error> extra_error_;

  // Held while a block goes into the XXH128; taken before mutex_.
  mutable Mutex hash_mutex_;
  Xxh128State state_ SLUICE_GUARDED_BY(hash_mutex_);

  // Held for moments only: the network thread takes it.
  mutable Mutex mutex_;
  std::uint64_t next_ SLUICE_GUARDED_BY(mutex_) = 0;     ///< the first block that was never there
  std::uint64_t earlier_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< blocks before were in an earlier run
  std::uint64_t keep_from_ SLUICE_GUARDED_BY(mutex_) = nothing;
  /// Checksums of the blocks [first_kept(), end_). end_ is next_, or behind it while blocks of an
  /// earlier run are expected.
  std::deque<std::uint64_t> checksums_ SLUICE_GUARDED_BY(mutex_);
  std::uint64_t end_ SLUICE_GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice
