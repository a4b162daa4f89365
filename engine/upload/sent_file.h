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

/// The file of an upload: whether it is still what was sent, and its digests. Looks at what the
/// path names by now, and reads the file a second time beside the upload where its bytes have to be
/// compared or hashed again (FileCheck).
///
/// The network thread's, but for release().
class SentFile {
 public:
  struct Setting {
    std::string name;          ///< for messages
    const Source& source;      ///< what is sent; outlives this
    ChecksumWorkers& workers;  ///< outlives this
    const FileDigest& digest;  ///< of the bytes sent; outlives this
    std::size_t block_bytes = 0;
    ReadMode read_mode = ReadMode::automatic;
    FileIdentity noted = {};  ///< of the file, as the journal has it
    /// Checksums of the blocks that an earlier run sent, from the first one on.
    std::vector<std::uint64_t> sent_before = {};
    std::vector<DigestKind> digests = {};  ///< besides XXH128
    ExpectedDigests expected = {};
    std::string path = {};        ///< for messages about expected digests
    bool keep_checksums = false;  ///< of all blocks, for `compare`
    /// Compares a second reading with what was sent, besides the digest of the whole file; may be
    /// empty. Error local_file: they differ.
    std::function<Result<void>(const FileCheck::Digests&)> compare = {};
    /// The content is what was sent, though the file system says another time or inode: for the
    /// journal.
    std::function<void(const FileIdentity&)> on_noted = {};
    std::function<void()> on_read = {};  ///< a second reading is over; any thread
    Log log = {};
  };

  explicit SentFile(Setting setting)
      : setting_(std::move(setting)), identity_(setting_.source.identity()) {}

  /// As the file was opened, or opened again.
  const FileIdentity& identity() const { return identity_; }

  /// Starts a second reading, up to byte `end`. Error failed: no memory or no thread.
  Result<void> read_again(std::uint64_t end) { return start_check(setting_.source, end); }
  /// Ends a second reading soon, whose result nobody needs any more; those that follow compare with
  /// nothing that an earlier run sent.
  void start_over();
  /// Whether a second reading is going on; on_read follows.
  bool is_reading() const { return check_ && !check_->done(); }
  /// Whether a second reading is over.
  bool was_read() const { return check_ && check_->done(); }
  /// Of a second reading that is over: what is wrong with the file; nothing where all is well.
  std::optional<Error> failure() const;
  /// Tells on_noted, if that is news.
  void note();
  /// Whether the file was opened again as its time of modification had changed.
  bool was_reopened() const { return !reopened_.empty(); }

  /// Whether the path still names the file that was sent, and its bytes are what was sent as far as
  /// they had to be read again; false: they are being read. Errors local_file: the path names
  /// another file or none, or the bytes are others.
  Result<bool> is_as_sent();
  /// Whether all digests of the file are known; false: the file is being read for them.
  Result<bool> has_digests();
  /// Whether the file has the digests that are expected of it; false as above. Error integrity.
  Result<bool> has_expected_digests();
  void add_digests(Report& report) const;

  void cancel();
  /// Waits for the second reading to end. Once the upload is over; one thread at a time.
  void release() { check_.reset(); }

 private:
  Result<void> start_check(const Source& source, std::uint64_t end);
  /// Reads all of the file again, as its time of modification is another.
  Result<void> reopen(const FileIdentity& now);
  /// What the second reading, which is over, says of the file.
  Result<void> compare_check() const;
  void retire_check();

  Setting setting_;
  FileIdentity identity_;  ///< what the path is to name
  /// The file, opened again each time that its time of modification was another.
  std::vector<std::unique_ptr<Source>> reopened_;
  std::unique_ptr<FileCheck> check_;    ///< the second reading
  std::unique_ptr<FileCheck> retired_;  ///< one that was cancelled; its end is not waited for
};

}  // namespace sluice
