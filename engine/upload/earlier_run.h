#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/upload/upload_request.h"
#include "io/source.h"

namespace sluice {

/// What an earlier run of the same upload left in the journal, checked against the file as it is.
struct EarlierRun {
  JournalEntry entry;
  std::vector<std::uint64_t> checksums;  ///< of the blocks [0, hashed_blocks)
  /// The file has the size that it had, but another inode or time, or the last run found something
  /// wrong with it: its bytes have to be read to tell whether they are what was sent.
  bool doubtful = false;

  /// No byte behind this one can have been sent (engine/journal/upload_record.h has the rule).
  std::uint64_t sent() const;
};

/// The journal's entry for an upload that begins.
JournalEntry first_entry(const UploadRequest& request, std::string_view protocol,
                         const FileIdentity& file, std::size_t block_bytes);

/// The file of an upload, as it is now.
struct FileFacts {
  std::string path;  ///< as it was given
  FileIdentity identity;
};

struct EarlierRuns {
  /// The unfinished upload of that system, dataset and name; nothing where there is none, where it
  /// was spoken in another protocol, or where `request` wants it to start anew.
  std::optional<EarlierRun> earlier;
  std::vector<EarlierRun> parts;  ///< of `earlier`, in the file's order; empty for none
  /// This very file, which an earlier run has registered under that name; or one for which
  /// may_be_touched() (engine/upload/registered_before.h) holds, not over the phased protocol.
  std::optional<JournalEntry> registered;
  std::vector<std::string> abandoned;  ///< upload addresses that nobody needs any more
  std::string remark;                  ///< a sentence for the user; empty for none
};

/// Where the bytes of an upload and of its parts went, absolute: those addresses that lie on its
/// own server, as the journal is a file that can be edited, and the token goes there. Error failed:
/// the journal cannot be read.
Result<std::vector<std::string>> own_addresses(Journal& journal, const JournalEntry& entry);

/// Over the phased protocol, whether the upload may begin: error usage if another upload into the
/// dataset is unfinished, whose staged bytes a new one would delete (protocol section 1.4). Error
/// failed: the journal cannot be read.
Result<void> check_other_uploads(Journal& journal, const UploadRequest& request);

/// Looks for what an earlier run left. May wait for the disk.
///
/// `kind`: what is spoken now. `block_bytes`: the engine's; a block of the journal's must fit.
/// Errors: local_file if something was sent, and the file's size is not what it was, or both its
/// inode and its time are others and `request` does not ask for a comparison; unconfirmed if it may
/// be registered, and is to start anew or nobody can be asked; name_taken if `kind` cannot tell and
/// the journal knows that another file of that name was registered, and it is not to start anew;
/// usage if there is nothing where there must be, or if the blocks do not fit; failed if the
/// journal cannot be read.
Result<EarlierRuns> find_earlier_run(Journal& journal, const UploadRequest& request,
                                     ProtocolKind kind, const FileFacts& file,
                                     std::size_t block_bytes);

}  // namespace sluice
