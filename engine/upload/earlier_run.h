#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/upload/upload_request.h"
#include "io/source.h"

namespace sluice {

/// The journal's record of an earlier run of the same upload, compared with the current file.
struct EarlierRun {
  JournalEntry entry;
  std::vector<std::uint64_t> checksums;  ///< of the blocks [0, entry.hashed_blocks)
  /// The file's size is unchanged, but its inode or modification time changed, or the last run
  /// ended with an error about the file. The file must be read again to check that its content
  /// equals the bytes sent.
  bool doubtful = false;

  /// Returns the offset up to which bytes can have been sent: no byte after that offset was sent.
  /// engine/journal/upload_record.h states the rule.
  std::uint64_t sent() const;
};

/// Returns the journal entry of a new upload of `file`, in blocks of `block_bytes` bytes.
JournalEntry first_entry(const UploadRequest& request, std::string_view protocol,
                         const FileIdentity& file, std::size_t block_bytes);

/// The path and the current identity of the file of an upload.
struct FileFacts {
  std::string path;  ///< as the caller gave it
  FileIdentity identity;
};

/// What find_earlier_run() found in the journal.
struct EarlierRuns {
  /// The unfinished upload of the request's system, dataset and name. Empty if the journal has
  /// none, if that upload uses another protocol, or if `request` asks for a restart.
  std::optional<EarlierRun> earlier;
  std::vector<EarlierRun> parts;  ///< of `earlier`, ordered by offset; empty if it has no parts
  /// The registered upload of exactly this file under that name. Over tus and binary, also a
  /// registered upload for which may_be_touched() (engine/upload/registered_before.h) is true.
  std::optional<JournalEntry> registered;
  std::vector<std::string> abandoned;  ///< URLs of uploads at the server to be deleted
  std::string remark;                  ///< a log message for the user; may be empty
};

/// Returns the absolute upload URLs of `entry` and of its parts. Leaves out addresses outside of
/// the upload's own server: the journal is a file that can be edited, and the token is sent to
/// these addresses. Error failed: the journal cannot be read.
Result<std::vector<std::string>> upload_urls(Journal& journal, const JournalEntry& entry);

/// Checks that a phased upload may begin. Errors: usage if another upload into the dataset is
/// unfinished, because a new upload would delete its staged bytes (protocol section 1.4); failed if
/// the journal cannot be read.
Result<void> check_other_uploads(Journal& journal, const UploadRequest& request);

/// Finds the earlier run of an upload in the journal. May block on the disk.
///
/// `kind`: the protocol that the server uses now. `block_bytes`: the engine's block size; blocks of
/// the journal entry must not be larger.
///
/// Errors: local_file if bytes were sent and the file's size changed, or both its inode and its
/// time changed and `request` does not ask to compare the content; unconfirmed if the file may be
/// registered, and `request` asks for a restart or the server cannot be asked; name_taken if, over
/// tus and binary, the journal has another registered file of that name and `request` asks for no
/// restart; usage if `request` requires an unfinished upload and the journal has none, or if the
/// blocks are too large; failed if the journal cannot be read.
Result<EarlierRuns> find_earlier_run(Journal& journal, const UploadRequest& request,
                                     ProtocolKind kind, const FileFacts& file,
                                     std::size_t block_bytes);

}  // namespace sluice
