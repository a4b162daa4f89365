#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/log.h"
#include "engine/digest/digest_kind.h"
#include "engine/digest/file_digest.h"
#include "engine/pipeline/checksum_workers.h"
#include "engine/pipeline/file_check.h"
#include "engine/report/expected_digests.h"
#include "engine/report/report.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// The check whether the file of an upload still equals the bytes sent, and the digests of the
/// file. Checks the identity of the file at the path. Reads the file a second time, in parallel to
/// the upload, if the bytes must be compared or hashed again (FileCheck).
///
/// Network thread only, except release().
class SentFile {
 public:
  struct Setting {
    std::string name;          ///< for messages
    const Source& source;      ///< the file that is sent; outlives this
    ChecksumWorkers& workers;  ///< outlives this
    const FileDigest& digest;  ///< of the bytes sent; outlives this
    std::size_t block_bytes = 0;
    ReadMode read_mode = ReadMode::automatic;
    FileIdentity noted = {};  ///< identity of the file in the journal
    /// Checksums of the blocks that an earlier run sent, starting at block 0.
    std::vector<std::uint64_t> sent_before = {};
    std::vector<DigestKind> digests = {};  ///< in addition to XXH128
    ExpectedDigests expected = {};
    std::string path = {};        ///< for messages about expected digests
    bool keep_checksums = false;  ///< keep those of all blocks, for `compare`
    /// Compares a second reading with the bytes sent, in addition to the digest of the whole file.
    /// May be empty. Error local_file: they differ.
    std::function<Result<void>(const FileCheck::Digests&)> compare = {};
    /// Called when the content equals the bytes sent although the modification time or the inode
    /// changed; the journal then stores the new identity. May be empty.
    std::function<void(const FileIdentity&)> on_noted = {};
    std::function<void()> on_read = {};  ///< called when a second reading has ended; any thread
    Log log = {};
  };

  explicit SentFile(Setting setting)
      : setting_(std::move(setting)), identity_(setting_.source.identity()) {}

  /// Identity of the file when it was opened, or last reopened.
  const FileIdentity& identity() const { return identity_; }

  /// Starts a second reading, up to offset `end`. Error failed: no memory or no thread.
  Result<void> read_again(std::uint64_t end) { return start_check(setting_.source, end); }
  /// Cancels the second reading and discards the checksums of the earlier run: the upload restarts
  /// from the beginning.
  void start_over();
  /// Whether a second reading is running; on_read follows.
  bool is_reading() const { return check_ && !check_->done(); }
  /// Whether a second reading has ended.
  bool was_read() const { return check_ && check_->done(); }
  /// Returns the error of a second reading that has ended. Empty if the reading succeeded or has
  /// not ended.
  std::optional<Error> failure() const;
  /// Calls on_noted if the identity differs from the one in the journal.
  void note();
  /// Whether the file was reopened because its modification time changed.
  bool was_reopened() const { return !reopened_.empty(); }

  /// Checks that the path still names the file that was sent, and that bytes that had to be read
  /// again equal the bytes sent. Returns false while a second reading is running; on_read follows.
  /// Errors local_file: the path names another file or none, or the bytes differ.
  Result<bool> is_as_sent();
  /// Returns whether all digests of the file are known. If not, the file is being read; on_read
  /// follows.
  Result<bool> has_digests();
  /// Compares the digests with the expected ones. Returns false while the file is being read for
  /// them, as has_digests() does. Error integrity: a digest differs.
  Result<bool> has_expected_digests();
  /// Adds the known digests to `report`.
  void add_digests(Report& report) const;

  /// Cancels the second reading, if one is running.
  void cancel();
  /// Blocks until the second reading has ended, and frees it. Call only after the upload has ended;
  /// one thread at a time.
  void release() { check_.reset(); }

 private:
  Result<void> start_check(const Source& source, std::uint64_t end);
  /// Reopens the file and starts to read all of it, because its modification time changed to `now`.
  Result<void> reopen(const FileIdentity& now);
  /// Compares the result of the second reading, which has ended, with the bytes sent.
  Result<void> compare_check() const;
  /// Cancels the second reading without waiting for its end.
  void retire_check();

  Setting setting_;
  FileIdentity identity_;  ///< the identity that the path must have
  /// The file, reopened each time its modification time changed.
  std::vector<std::unique_ptr<Source>> reopened_;
  std::unique_ptr<FileCheck> check_;    ///< the second reading
  std::unique_ptr<FileCheck> retired_;  ///< a cancelled reading that may still run
};

}  // namespace sluice
