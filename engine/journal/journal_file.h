#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/journal/sqlite.h"
#include "io/result.h"

/// The journal's file: its permissions, its SQLite mode and its tables.
namespace sluice {

/// The SQLite mode, which decides how a transaction reaches the disk and survives a crash.
enum class JournalMode {
  /// Transactions are written to a second file, DIR/journal.sqlite-wal, with one fsync each;
  /// readers and writers do not block each other. The index of that file is a third file that every
  /// process maps into memory (-shm). On a network file system two machines would not see the same
  /// index, and the database would be destroyed (https://www.sqlite.org/wal.html).
  wal,
  /// The pages that a transaction overwrites are first saved in DIR/journal.sqlite-journal, which
  /// is truncated afterwards: three or four fsyncs, and locks that network file systems carry.
  /// Truncated and not deleted, because a deletion is safe only once the directory has been synced
  /// as well, and creating a file is slow on network file systems.
  truncate,
};

/// Returns the mode for a file system type, as statfs() reports it: wal only for types that are
/// known to be local (ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS, F2FS). The home directories
/// of clusters are on NFS, Lustre, GPFS, BeeGFS or other types. Pure, any thread.
JournalMode journal_mode_for(std::uint32_t file_system_type);

/// Returns the mode for the file system that holds `directory`; truncate if its type is unknown.
JournalMode journal_mode_in(const std::string& directory);

/// Opens DIR/journal.sqlite; creates the file and its tables if missing. DIR must exist. Upgrades a
/// file that an older sluice wrote; the older sluice cannot use the file any more.
///
/// A journal that is in mode truncate stays in that mode, even where wal would work: another
/// machine may have the same file open over a network. A journal that is in mode wal where only
/// truncate works is changed; the change fails while another process uses the file.
///
/// Every transaction is on the disk when its COMMIT returns, in either mode (synchronous = FULL):
/// the record that verify was sent must survive a power failure, or a file could be registered
/// twice.
///
/// Errors as Journal::open() says.
Result<SqlDatabase> open_journal_file(const std::string& directory, JournalMode mode);

/// Returns a journal in memory, for tests: empty, or with the contents that
/// SqlDatabase::serialize() returned.
Result<SqlDatabase> open_journal_in_memory(std::string_view bytes);

/// Returns whether DIR/journal.sqlite may hold an upload. False if there is no such file, or a file
/// without tables or entries, as a full disk leaves. True if the file cannot be read, or is being
/// written. Only reads, and needs no disk space.
bool may_hold_uploads(const std::string& directory);

/// Returns DIR/journal.sqlite.
std::string journal_path(const std::string& directory);

}  // namespace sluice
