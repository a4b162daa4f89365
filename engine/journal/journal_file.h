#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/journal/sqlite.h"
#include "io/result.h"

/// The file of the journal: who may read it, how SQLite writes it, which tables it has.
namespace sluice {

/// How a transaction gets onto the disk without a crash being able to spoil it.
enum class JournalMode {
  /// Transactions go to a second file, DIR/journal.sqlite-wal, with one fsync each, and readers and
  /// writers do not wait for each other. Its index is a third file that every process maps into
  /// memory (-shm): on a network file system two machines would not see the same one, and the
  /// database would be destroyed (https://www.sqlite.org/wal.html).
  wal,
  /// What a transaction overwrites is saved in DIR/journal.sqlite-journal first, which is truncated
  /// afterwards: three or four fsyncs, and locks that network file systems carry. Truncated and not
  /// deleted, as a deletion is safe only once the directory has been synced as well, and creating a
  /// file is slow on the file systems this is for.
  truncate,
};

/// What a file system bears, by its type as statfs() has it: wal only on those that are known to be
/// this machine's own (ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS, F2FS). The homes of
/// clusters are on NFS, Lustre, GPFS, BeeGFS, and whatever comes next. Pure, any thread.
JournalMode journal_mode_for(std::uint32_t file_system_type);

/// The same for the file system that holds `directory`; truncate if that cannot be told.
JournalMode journal_mode_in(const std::string& directory);

/// Opens DIR/journal.sqlite, with tables in it, made if it is missing. DIR exists. Brings one that
/// an older sluice wrote up to date, for good: that sluice will not take it any more.
///
/// A journal that is in mode truncate stays so, also where wal would do: another machine may have
/// the same file open over a network. One that is in mode wal, where only truncate will do, is
/// changed, which fails while somebody uses it.
///
/// Every transaction is on the disk when its COMMIT returns, in either mode (synchronous = FULL):
/// that verify was sent must outlive a power failure, or a file could be registered twice.
///
/// Errors as Journal::open() says.
Result<SqlDatabase> open_journal_file(const std::string& directory, JournalMode mode);

/// A journal in memory alone, for tests: empty, or what SqlDatabase::serialize() gave.
Result<SqlDatabase> open_journal_in_memory(std::string_view bytes);

/// Whether DIR/journal.sqlite may have an upload in it: not if there is no such file, or one
/// without tables or entries, as a disk without room leaves. One that cannot be read may, and one
/// that is being written. Only looks, and needs no room for it.
bool may_hold_uploads(const std::string& directory);

/// DIR/journal.sqlite
std::string journal_path(const std::string& directory);

}  // namespace sluice
