#pragma once

#include <memory>

#include "engine/journal/journal.h"
#include "engine/journal/journal_entry.h"
#include "engine/pipeline/checksum_workers.h"
#include "engine/report/report.h"
#include "engine/upload/upload_request.h"
#include "io/source.h"

/// Files that the journal records as registered. Such a file is not sent again when the same
/// command is run again, for example by a batch system that requeues the job.
namespace sluice {

/// Returns whether `entry` has the path of the request. Does not look at the file.
bool is_same_path(const JournalEntry& entry, const UploadRequest& request);

/// Returns whether `entry` is about exactly this file: same path, size and modification time, and
/// not a file that replaced the old one (another inode on the same device). `entry`: a registered
/// entry of the request's system, dataset and name.
bool is_same_file(const JournalEntry& entry, const UploadRequest& request,
                  const FileIdentity& file);

/// Returns whether the registered `entry` may be about this file although the modification time
/// changed: path, size and inode are the same, and the entry has a receipt whose digest can be
/// compared.
bool may_be_touched(const JournalEntry& entry, const UploadRequest& request,
                    const FileIdentity& file);

/// Returns the error name_taken: the name was registered from another file.
Error from_another_file(const UploadRequest& request, const JournalEntry& entry);

/// Returns the error name_taken for a request with verify_prefix whose file is registered already:
/// verify_prefix compares what an unfinished upload has sent.
Error cannot_compare(const UploadRequest& request, const JournalEntry& entry);

/// Returns a report with status `registered` and the data of `entry`. Performs no I/O. Any thread.
Report report_before(const UploadRequest& request, const JournalEntry& entry);

/// Returns whether the file must be read because the request expects a digest that the receipt of
/// `entry` lacks. is_same_file() must be true for `entry`.
bool lacks_digests(const JournalEntry& entry, const UploadRequest& request);

/// Returns whether the file must be read and compared before it counts as registered: its
/// modification time changed, or lacks_digests() is true. is_same_file() or may_be_touched() must
/// be true for `entry`.
bool has_to_be_read(const JournalEntry& entry, const UploadRequest& request,
                    const FileIdentity& file);

/// The arguments of compare_registered(), which returns an upload that sends nothing: it reads the
/// file, and ends as registered (report_before()) if the
/// file's XXH128 equals that of the receipt of `entry`; may_be_touched() or lacks_digests() must be
/// true for `entry`. If the digests are equal, stores the file's modification time in the journal
/// for the next run. Otherwise ends with name_taken, or with integrity if an expected digest
/// differs.
struct Comparison {
  UploadRequest request;
  JournalEntry entry;
  std::unique_ptr<Source> source;
  ChecksumWorkers& workers;  ///< outlives the upload
  Journal& journal;          ///< outlives the upload
  std::size_t block_bytes;
};
/// Starts the comparison. Errors: those of FileCheck::start().
Result<std::unique_ptr<Upload>> compare_registered(Comparison comparison);

/// Returns an upload that has ended already, with the report of report_before(). Calls
/// `request.on_over`.
std::unique_ptr<Upload> over_before(const UploadRequest& request, const JournalEntry& entry);

}  // namespace sluice
