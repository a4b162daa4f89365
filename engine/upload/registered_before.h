#pragma once

#include <memory>

#include "engine/journal/journal.h"
#include "engine/journal/journal_entry.h"
#include "engine/pipeline/checksum_workers.h"
#include "engine/report/report.h"
#include "engine/upload/upload_request.h"
#include "io/source.h"

/// What the journal knows to be registered is not sent again when the same command comes again, as
/// it does from a batch system that puts its job back into the queue.
namespace sluice {

/// Whether `entry` was of the file at the request's path, whatever is there now.
bool is_same_path(const JournalEntry& entry, const UploadRequest& request);

/// Whether `entry`, a registered one of the request's system, dataset and name, was of this very
/// file: its path, size and time of modification, and not one that took its place.
bool is_same_file(const JournalEntry& entry, const UploadRequest& request,
                  const FileIdentity& file);

/// Whether `entry`, registered, may be of this very file, though its time of modification is
/// another: path, size and inode are the same, and its receipt has a digest to compare with.
bool may_be_touched(const JournalEntry& entry, const UploadRequest& request,
                    const FileIdentity& file);

/// That the name was registered from another file.
Error from_another_file(const UploadRequest& request, const JournalEntry& entry);

/// The end of a request to verify what was sent, which is for those who do not trust size and time:
/// nobody can read back what is registered.
Error cannot_compare(const UploadRequest& request, const JournalEntry& entry);

/// Status `registered`, with what the journal has of it. Pure, any thread.
Report report_before(const UploadRequest& request, const JournalEntry& entry);

/// Whether the file of `entry`, for which is_same_file() holds, has to be read: because a digest is
/// expected that its receipt lacks.
bool lacks_digests(const JournalEntry& entry, const UploadRequest& request);

/// Whether the file of `entry`, for which is_same_file() or may_be_touched() holds, has to be read
/// and compared before it counts as registered: its time has changed, or lacks_digests().
bool has_to_be_read(const JournalEntry& entry, const UploadRequest& request,
                    const FileIdentity& file);

/// An upload that sends nothing: it reads the file, and is registered (report_before()) if its
/// XXH128 is that of the receipt of `entry`, for which may_be_touched() or lacks_digests() holds.
/// Then the journal has the file's time for the next run. Else it fails: name_taken, or integrity
/// where another digest was expected.
struct Comparison {
  UploadRequest request;
  JournalEntry entry;
  std::unique_ptr<Source> source;
  ChecksumWorkers& workers;  ///< outlives the upload
  Journal& journal;          ///< outlives it too
  std::size_t block_bytes;
};
/// Errors: those of FileCheck::start().
Result<std::unique_ptr<Upload>> compare_registered(Comparison comparison);

/// An upload that was over when it began, with that report; `request.on_over` is called.
std::unique_ptr<Upload> over_before(const UploadRequest& request, const JournalEntry& entry);

}  // namespace sluice
