#include "engine/journal/journal_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <span>
#include <thread>

#include "engine/base/clock.h"
#include "engine/base/text.h"
#include "io/unique_fd.h"

namespace sluice {
namespace {

/// The version of the tables below. A sluice that changes the tables raises the version and
/// upgrades older files.
constexpr std::int64_t schema_version = 5;

/// "sluc", in the file's header: distinguishes a journal from the databases of other programs.
constexpr std::int64_t application_id = 0x736c7563;

/// A new file gets the tables of version 2 and all later additions. STRICT makes SQLite refuse
/// values of another type when it writes them.
constexpr const char* servers_table =
    "CREATE TABLE servers ("
    "  system TEXT PRIMARY KEY, chunk_limit INTEGER, chunk_bytes INTEGER,"
    "  lookahead_refused_s INTEGER) STRICT";
constexpr const char* version_2[] = {
    "CREATE TABLE uploads ("
    "  id INTEGER PRIMARY KEY, system TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL,"
    "  path BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    "  device INTEGER NOT NULL, inode INTEGER NOT NULL, token_file BLOB NOT NULL,"
    "  digests TEXT NOT NULL, block_bytes INTEGER NOT NULL, committed INTEGER NOT NULL,"
    "  hashed_blocks INTEGER NOT NULL, digest_state BLOB NOT NULL, state INTEGER NOT NULL,"
    "  error_kind TEXT NOT NULL, error TEXT NOT NULL, started_s INTEGER NOT NULL,"
    "  updated_s INTEGER NOT NULL, receipt TEXT NOT NULL) STRICT",
    "CREATE INDEX uploads_by_name ON uploads (system, dataset, name)",
    "CREATE TABLE checksums ("
    "  upload INTEGER NOT NULL, segment INTEGER NOT NULL, bytes BLOB NOT NULL,"
    "  PRIMARY KEY (upload, segment)) STRICT",
    servers_table,
};

/// Upgrades from version 2, which knew the phased protocol alone. Only parts are in the second
/// index, so that ten thousand small files do not pay for it.
constexpr const char* from_version_2[] = {
    "ALTER TABLE uploads ADD COLUMN protocol TEXT NOT NULL DEFAULT 'phased'",
    "ALTER TABLE uploads ADD COLUMN upload_url TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE uploads ADD COLUMN part_of INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE uploads ADD COLUMN part_begin INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX uploads_by_whole ON uploads (part_of) WHERE part_of > 0",
    "ALTER TABLE servers ADD COLUMN protocol TEXT",
    "ALTER TABLE servers ADD COLUMN protocol_s INTEGER",
    "ALTER TABLE servers ADD COLUMN tus TEXT",
};

/// Upgrades from version 3, which had the file's time as nanoseconds alone
/// (engine/journal/journal_row.h).
constexpr const char* from_version_3[] = {
    "ALTER TABLE uploads ADD COLUMN mtime_s INTEGER NOT NULL DEFAULT 0",
};

/// Upgrades from version 4, which did not record how many concurrent requests a server can take.
constexpr const char* from_version_4[] = {
    "ALTER TABLE servers ADD COLUMN requests INTEGER",
    "ALTER TABLE servers ADD COLUMN requests_s INTEGER",
};

/// Upgrades from version 1, which recorded only what servers refused.
constexpr const char* from_version_1[] = {
    servers_table,
    "INSERT INTO servers (system, chunk_limit) SELECT system, bytes FROM chunk_limits",
    "DROP TABLE chunk_limits",
};

Error refuse_file(const std::string& path, const std::string& why, int code = 0) {
  return Error{.kind = ErrorKind::failed,
               .message = fmt::format("cannot use the journal {}: {}", printable(path), why),
               .code = code};
}

/// Removes other users' access to a file; a missing file is no error.
Result<void> make_private(const std::string& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return {};
    return errno_error(ErrorKind::failed, errno,
                       fmt::format("cannot use the journal {}", printable(path)));
  }
  if (!S_ISREG(facts.st_mode))
    return refuse_file(
        path,
        "not a regular file; move the file away, or choose another state directory with "
        "--state-dir");
  if (facts.st_uid != ::geteuid())
    return refuse_file(
        path, "the file belongs to another user; choose another state directory with --state-dir",
        EPERM);
  if ((facts.st_mode & 077) != 0 && ::chmod(path.c_str(), 0600) != 0)
    return errno_error(
        ErrorKind::failed, errno,
        fmt::format("cannot deny other users access to the journal {}", printable(path)));
  return {};
}

Result<void> make_private_file(const std::string& path) {
  // mknod and not open: closing a descriptor of the file would drop the POSIX locks that another
  // connection of this process has on it. SQLite gives the -wal, -shm and -journal files the same
  // mode.
  if (::mknod(path.c_str(), S_IFREG | 0600, 0) != 0 && errno != EEXIST) {
    Error error = errno_error(ErrorKind::failed, errno,
                              fmt::format("cannot create the journal {}", printable(path)));
    const bool is_full = error.code == ENOSPC || error.code == EDQUOT;
    error.message += is_full ? "; free space on its disk" : "; make its directory writable";
    error.message += ", or choose another state directory with --state-dir";
    return error;
  }
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) TRY(make_private(path + suffix));
  return {};
}

/// Acquires the lock under which processes open the journal one at a time. Blocks for ten seconds
/// at most. The lock lasts as long as the descriptor.
Result<UniqueFd> take_turn(const std::string& directory) {
  const auto deadline = steady_now() + std::chrono::seconds(10);
  UniqueFd turn(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (!turn || ::flock(turn.get(), LOCK_EX | LOCK_NB) != 0) {
    if (turn && (errno == EINTR || errno == EWOULDBLOCK) && steady_now() < deadline) {
      // flock() has no deadline.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    const bool held = turn && errno == EWOULDBLOCK;
    Error error = errno_error(ErrorKind::failed, errno,
                              fmt::format("cannot lock the directory of the journal {}",
                                          printable(journal_path(directory))));
    error.message += held ? "; another process has locked the directory: try again later"
                          : "; choose another state directory with --state-dir";
    return error;
  }
  return turn;
}

/// Changes a file in mode wal to mode truncate without ever mapping its -shm: with locking_mode
/// EXCLUSIVE, SQLite keeps the index in its own memory. The connection cannot return to shared
/// locking, so this function uses a connection of its own.
Result<void> leave_wal(const std::string& path) {
  TRY_ASSIGN(SqlDatabase database, SqlDatabase::open(path, "the journal"));
  TRY_ASSIGN(const bool wal, database.is_marked_wal());
  if (!wal) return {};
  TRY(database.run("PRAGMA locking_mode = EXCLUSIVE"));
  return database.run("PRAGMA journal_mode = TRUNCATE");
}

/// Returns whether the database is empty, and so may become a journal.
Result<bool> is_blank(SqlDatabase& database) {
  TRY_ASSIGN(const std::int64_t version, database.integer("PRAGMA user_version"));
  TRY_ASSIGN(const std::int64_t application, database.integer("PRAGMA application_id"));
  TRY_ASSIGN(const std::int64_t tables, database.integer("SELECT count(*) FROM sqlite_schema"));
  return version == 0 && application == 0 && tables == 0;
}

Result<void> run_all(SqlDatabase& database, std::span<const char* const> statements) {
  for (const char* statement : statements) TRY(database.run(statement));
  return {};
}

Result<void> make_tables(SqlDatabase& database) {
  SqlTransaction transaction(database);
  TRY(transaction.begin());
  TRY_ASSIGN(const bool blank, is_blank(database));
  if (!blank) return {};  // another process was faster
  TRY(run_all(database, version_2));
  TRY(run_all(database, from_version_2));
  TRY(run_all(database, from_version_3));
  TRY(run_all(database, from_version_4));
  TRY(database.run(fmt::format("PRAGMA application_id = {}", application_id)));
  TRY(database.run(fmt::format("PRAGMA user_version = {}", schema_version)));
  return transaction.commit();
}

Result<void> bring_up_to_date(SqlDatabase& database) {
  SqlTransaction transaction(database);
  TRY(transaction.begin());
  TRY_ASSIGN(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version >= schema_version) return {};  // another process was faster
  if (version == 1) TRY(run_all(database, from_version_1));
  if (version <= 2) TRY(run_all(database, from_version_2));
  if (version <= 3) TRY(run_all(database, from_version_3));
  TRY(run_all(database, from_version_4));
  TRY(database.run(fmt::format("PRAGMA user_version = {}", schema_version)));
  return transaction.commit();
}

Result<void> check_version(SqlDatabase& database) {
  TRY_ASSIGN(const std::int64_t application, database.integer("PRAGMA application_id"));
  if (application != application_id)
    return refuse_file(
        database.path(),
        "the file is a database of another program; move the file away, or choose another state "
        "directory with --state-dir");
  TRY_ASSIGN(std::int64_t version, database.integer("PRAGMA user_version"));
  if (version >= 1 && version < schema_version) {
    TRY(bring_up_to_date(database));
    TRY_ASSIGN(version, database.integer("PRAGMA user_version"));
  }
  if (version != schema_version)
    return refuse_file(
        database.path(),
        fmt::format(
            "the journal has version {}, and this sluice supports version {}; use the newer "
            "sluice that wrote the journal, or choose another state directory with "
            "--state-dir",
            version, schema_version));
  return {};
}

}  // namespace

std::string journal_path(const std::string& directory) {
  return directory + "/journal.sqlite";
}

JournalMode journal_mode_for(std::uint32_t file_system_type) {
  constexpr std::uint32_t zfs_magic = 0x2FC12FC1;  // OpenZFS; not in the kernel's own list
  switch (file_system_type) {
    case EXT4_SUPER_MAGIC:  // and ext2, ext3
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case zfs_magic:
      return JournalMode::wal;
    default:
      return JournalMode::truncate;
  }
}

JournalMode journal_mode_in(const std::string& directory) {
  struct statfs facts {};
  if (::statfs(directory.c_str(), &facts) != 0) return JournalMode::truncate;
  return journal_mode_for(static_cast<std::uint32_t>(facts.f_type));
}

bool may_hold_uploads(const std::string& directory) {
  const std::string path = journal_path(directory);
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0 || facts.st_size == 0) return false;
  if (!S_ISREG(facts.st_mode)) return true;
  // The -wal and -journal files are read before the file itself, because another process may move
  // their contents into the file at any time.
  for (const char* suffix : {"-wal", "-journal"}) {
    struct stat beside {};
    if (::lstat((path + suffix).c_str(), &beside) == 0 && beside.st_size > 0) return true;
  }
  Result<SqlDatabase> database = SqlDatabase::open_as_it_is(path, "the journal");
  if (!database) return true;
  if (is_blank(*database).value_or(false)) return false;
  const Result<std::int64_t> application = database->integer("PRAGMA application_id");
  const Result<std::int64_t> uploads =
      database->integer("SELECT count(*) FROM (SELECT 1 FROM uploads LIMIT 1)");
  return !application || *application != application_id || !uploads || *uploads > 0;
}

Result<SqlDatabase> open_journal_in_memory(std::string_view bytes) {
  TRY_ASSIGN(SqlDatabase database,
             SqlDatabase::open_in_memory("(in memory)", "the journal", bytes));
  TRY_ASSIGN(const bool blank, is_blank(database));
  if (blank) TRY(make_tables(database));
  TRY(check_version(database));
  return database;
}

Result<SqlDatabase> open_journal_file(const std::string& directory, JournalMode mode) {
  const std::string path = journal_path(directory);
  TRY(make_private_file(path));
  if (mode == JournalMode::truncate) TRY(leave_wal(path));

  // The change to wal needs exclusive access to the file and does not wait for it, so processes
  // open the journal one at a time. They hold the lock for the duration of a few transactions, and
  // the lock ends with its process.
  UniqueFd turn;
  if (mode == JournalMode::wal) {
    TRY_ASSIGN(turn, take_turn(directory));
  }

  TRY_ASSIGN(SqlDatabase database, SqlDatabase::open(path, "the journal"));
  TRY(database.run("PRAGMA synchronous = FULL"));
  TRY_ASSIGN(const bool blank, is_blank(database));
  if (blank && mode == JournalMode::wal) TRY(database.run("PRAGMA journal_mode = WAL"));
  TRY_ASSIGN(const std::string now, database.text("PRAGMA journal_mode"));
  if (now != "wal") TRY(database.run("PRAGMA journal_mode = TRUNCATE"));
  if (blank) TRY(make_tables(database));
  TRY(check_version(database));
  return database;
}

}  // namespace sluice
