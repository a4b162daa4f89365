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

/// Returns the XXH3 (64 bits) of one block. Any thread.
std::uint64_t block_checksum(std::span<const std::byte> bytes);

/// The digests of one file, fed with blocks in order: the XXH128 of the whole file (the same as
/// `xxh128sum`), the requested extra digests, and the checksums of the blocks that may be read
/// again or written to the journal. A block that is read a second time, in this run or after a
/// resume, must have the same checksum; otherwise the file changed during the upload.
///
/// Threads: resume(), expect(), start_over() and add() are called by one thread at a time (the
/// Window's in-order step). xxh128() and extra() are called after the last add(). All other members
/// may be called from any thread at any time. Of these, only snapshot() can block while a block is
/// hashed, and only for its XXH128 (0.3 ms for 4 MiB; MD5 takes 7 ms).
class FileDigest {
 public:
  /// The number of newest checksums that forget_before() always keeps (8 MiB of memory). With them,
  /// the file's last bytes can be sent again after the server has lost them.
  static constexpr std::uint64_t always_kept = std::uint64_t{1} << 20;

  /// `path`: for error messages. `size`: of the file, in bytes. `extra`: further digests of the
  /// whole file, each at most once.
  FileDigest(std::string path, std::uint64_t size, std::vector<DigestKind> extra = {});

  /// Resumes from the state that an earlier run wrote to the journal. Call it before the first
  /// add().
  ///
  /// `blocks`: the number of blocks already added; the next block is block `blocks`. `block_bytes`:
  /// the size of a block. `checksums`: of the last of these blocks, [blocks - checksums.size(),
  /// blocks). `state`: the Snapshot::state after `blocks` blocks.
  ///
  /// Returns false and changes nothing if the state is unusable: from another version of xxHash,
  /// damaged, or for another number of bytes. The caller must then read the file from the
  /// beginning, with expect().
  ///
  /// After resume(), xxh128() covers the whole file. The extra digests are unavailable if `blocks`
  /// > 0, because the state of OpenSSL cannot be saved.
  [[nodiscard]] bool resume(std::uint64_t blocks, std::size_t block_bytes,
                            std::vector<std::uint64_t> checksums, std::string_view state);

  /// Restarts from the beginning of the file and expects the blocks [0, checksums.size()) to have
  /// these checksums, which an earlier run computed. Used if the file is read a second time. Call
  /// it before the first add().
  void expect(std::vector<std::uint64_t> checksums);

  /// Discards all blocks and all expected checksums: the next block is block 0. Enables the extra
  /// digests again.
  void start_over();

  /// Adds a block with a valid checksum: the next block, or a block that was added before or is
  /// expected. Error local_file if its checksum differs from that of the same block earlier in this
  /// run or in an earlier run. Error failed if OpenSSL does not provide an extra digest. Throws
  /// std::logic_error if a block was skipped or if the checksum of the block was forgotten.
  Result<void> add(const Block& block);

  /// Discards the checksums of the blocks before `offset`, which will not be read again. Keeps the
  /// newest `always_kept` checksums and those that keep_from() requires.
  void forget_before(std::uint64_t offset, std::size_t block_bytes);
  /// Keeps the checksums of `block` and of all later blocks until the next call. The initial value
  /// is `nothing`: no checksum is kept for this reason. The journal calls it with 0 before the
  /// first add(), or with the block at which it resumes; after each record with the first block
  /// that is not yet in the journal, so that snapshot() finds the checksums from there on; and with
  /// `nothing` after a journal error.
  void keep_from(std::uint64_t block);
  static constexpr std::uint64_t nothing = ~std::uint64_t{0};

  /// Whether add() accepts `block`: it is the next block, or its checksum is available for the
  /// comparison. If not, only start_over() helps.
  bool knows(std::uint64_t block) const;
  /// Returns the number of blocks that were added.
  std::uint64_t blocks() const;

  /// A consistent copy of the state, for the journal.
  struct Snapshot {
    std::uint64_t first = 0;               ///< the block number of the first checksum
    std::vector<std::uint64_t> checksums;  ///< of the blocks [first, blocks)
    std::uint64_t blocks = 0;              ///< the number of blocks that were added
    /// The state for resume(); empty if the state cannot be saved (Xxh128State::save()).
    std::string state;
  };
  /// Returns the state and the checksums [first, blocks()) of the same moment. `first`: at least
  /// the value of the last keep_from(), because the checksums before it may be discarded
  /// (std::logic_error). A value above blocks(), as after start_over(), counts as blocks().
  Snapshot snapshot(std::uint64_t first) const;

  /// Returns the XXH128 in 32 hexadecimal digits; empty before the last block was added.
  std::string xxh128() const;
  /// Returns an extra digest in hexadecimal digits; empty before the last block was added, if
  /// `kind` was not requested, or if the digest is unavailable.
  std::string extra(DigestKind kind) const;
  /// Whether add() also computes extra digests with OpenSSL, which is slow: 7 ms for 4 MiB. Must
  /// not run concurrently with resume() or start_over().
  bool has_extra() const { return !extra_.empty() || extra_error_; }

 private:
  /// Creates the extra digests again, for no bytes.
  void make_extra();
  std::uint64_t first_kept() const SLUICE_REQUIRES(mutex_) { return end_ - checksums_.size(); }
  /// Returns the error for a block whose checksum differs from the earlier one.
  Error changed(const Block& block) const SLUICE_REQUIRES(mutex_);

  const std::string path_;
  const std::uint64_t size_;
  const std::vector<DigestKind> kinds_;

  // Used only by the thread that calls add().
  std::vector<EvpDigest> extra_;
  std::optional<Error> extra_error_;

  // Held while a block is added to the XXH128. Lock order: hash_mutex_, then mutex_.
  mutable Mutex hash_mutex_;
  Xxh128State state_ SLUICE_GUARDED_BY(hash_mutex_);

  // Held only briefly, because the network thread locks it too.
  mutable Mutex mutex_;
  std::uint64_t next_ SLUICE_GUARDED_BY(mutex_) = 0;     ///< the first block not added yet
  std::uint64_t earlier_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< first block not of an earlier run
  std::uint64_t keep_from_ SLUICE_GUARDED_BY(mutex_) = nothing;
  /// Checksums of the blocks [first_kept(), end_). end_ equals next_, or is larger while blocks of
  /// an earlier run are expected.
  std::deque<std::uint64_t> checksums_ SLUICE_GUARDED_BY(mutex_);
  std::uint64_t end_ SLUICE_GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice
