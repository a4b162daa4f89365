#include "engine/journal/journal_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::journal_file_test {
namespace {

namespace fs = std::filesystem;
using test::sample_entry;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

unsigned mode_of(const fs::path& path) {
  struct stat facts {};
  EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 07777;
}

fs::path file_in(const test::TempDir& dir, const std::string& suffix = "") {
  return journal_path(dir.path()) + suffix;
}

/// Creates a journal with one unfinished upload, and closes it.
std::int64_t make_journal(const fs::path& dir, JournalMode mode = JournalMode::wal) {
  const auto id = test::open_journal(dir, mode)->begin(sample_entry());
  EXPECT_TRUE(id) << id.error().message;
  return id.value_or(0);
}

std::string mode_in_use(SqlDatabase& database) {
  return database.text("PRAGMA journal_mode").value_or("?");
}

/// Waits for a lock end at once, as if their time had passed.
class ImpatientSqlite {
 public:
  ImpatientSqlite() : vfs_(*sqlite3_vfs_find(nullptr)) {
    vfs_.zName = "impatient";
    vfs_.xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; };
    EXPECT_EQ(sqlite3_vfs_register(&vfs_, 1), SQLITE_OK);
  }
  ~ImpatientSqlite() { sqlite3_vfs_unregister(&vfs_); }
  ImpatientSqlite(const ImpatientSqlite&) = delete;
  ImpatientSqlite& operator=(const ImpatientSqlite&) = delete;

 private:
  sqlite3_vfs vfs_;
};

TEST(JournalFile, UsesWalOnlyOnLocalFileSystems) {
  for (const std::uint32_t local :
       {0xEF53U, 0x58465342U, 0x9123683EU, 0x01021994U, 0x794c7630U, 0x2FC12FC1U, 0xF2F52010U})
    EXPECT_EQ(journal_mode_for(local), JournalMode::wal) << std::hex << local;
  // NFS, Lustre, GPFS, BeeGFS, Ceph, SMB, CIFS, AFS, FUSE, 9p, and an unknown type.
  for (const std::uint32_t shared :
       {0x6969U, 0x0BD00BD0U, 0x47504653U, 0x19830326U, 0x00C36400U, 0xFE534D42U, 0xFF534D42U,
        0x5346414FU, 0x65735546U, 0x01021997U, 0U, 0x12345678U})
    EXPECT_EQ(journal_mode_for(shared), JournalMode::truncate) << std::hex << shared;
  EXPECT_EQ(journal_mode_in("/proc"), JournalMode::truncate);
  EXPECT_EQ(journal_mode_in("/there/is/no/such/directory"), JournalMode::truncate);
}

TEST(JournalFile, BothModesSyncEveryTransaction) {
  for (const JournalMode mode : {JournalMode::wal, JournalMode::truncate}) {
    const test::TempDir dir;
    for (const char* when : {"new", "again"}) {
      auto database = open_journal_file(dir.path(), mode);
      ASSERT_TRUE(database) << database.error().message;
      EXPECT_EQ(mode_in_use(*database), mode == JournalMode::wal ? "wal" : "truncate") << when;
      EXPECT_EQ(database->integer("PRAGMA synchronous").value_or(-1), 2) << when;
      EXPECT_EQ(fs::exists(file_in(dir, "-shm")), mode == JournalMode::wal) << when;
    }
  }
}

TEST(JournalFile, StaysInTruncateModeWhereWalWouldWork) {
  const test::TempDir dir;
  const auto over_network = open_journal_file(dir.path(), JournalMode::truncate);
  ASSERT_TRUE(over_network);
  auto here = open_journal_file(dir.path(), JournalMode::wal);
  ASSERT_TRUE(here) << here.error().message;
  EXPECT_EQ(mode_in_use(*here), "truncate");
  EXPECT_FALSE(fs::exists(file_in(dir, "-shm")));
}

TEST(JournalFile, ChangesToTruncateModeWhereRequired) {
  const test::TempDir dir;
  const std::int64_t id = make_journal(dir.path());
  {
    auto database = open_journal_file(dir.path(), JournalMode::truncate);
    ASSERT_TRUE(database) << database.error().message;
    EXPECT_EQ(mode_in_use(*database), "truncate");
    EXPECT_FALSE(fs::exists(file_in(dir, "-shm")));
  }
  EXPECT_TRUE(*test::open_journal(dir.path())->get(id));
}

TEST(JournalFile, DoesNotChangeModeWhileInUse) {
  const test::TempDir dir;
  make_journal(dir.path());
  const auto user = test::open_journal(dir.path());
  ASSERT_TRUE(user->list(true));
  const ImpatientSqlite impatient;
  const auto database = open_journal_file(dir.path(), JournalMode::truncate);
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().kind, ErrorKind::failed);
  EXPECT_EQ(database.error().code, SQLITE_BUSY);
  EXPECT_TRUE(database.error().retryable);
  EXPECT_TRUE(holds(database.error().message, "try again")) << database.error().message;
  EXPECT_TRUE(user->begin(sample_entry("another")));
}

TEST(JournalFile, LockedFileIsARetryableError) {
  const test::TempDir dir;
  const ImpatientSqlite impatient;
  const std::int64_t id = make_journal(dir.path());
  const auto journal = test::open_journal(dir.path());
  SqlDatabase other = test::raw_journal(dir.path());
  ASSERT_TRUE(other.run("BEGIN IMMEDIATE"));
  const auto recorded = journal->record(id, {.committed = 5});
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().code, SQLITE_BUSY);
  EXPECT_TRUE(recorded.error().retryable);
  ASSERT_TRUE(other.run("ROLLBACK"));
  EXPECT_TRUE(journal->record(id, {.committed = 5}));
}

TEST(JournalFile, CreatesAPrivateFile) {
  for (const JournalMode mode : {JournalMode::wal, JournalMode::truncate}) {
    const test::TempDir dir;
    const mode_t mask = ::umask(0);
    auto database = open_journal_file(dir.path(), mode);
    ASSERT_TRUE(database);
    EXPECT_TRUE(database->run("BEGIN IMMEDIATE"));
    EXPECT_TRUE(database->run("INSERT INTO servers (system) VALUES ('x')"));
    for (const auto& entry : fs::directory_iterator(dir.path()))
      EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
    EXPECT_TRUE(fs::exists(file_in(dir, mode == JournalMode::wal ? "-wal" : "-journal")));
    ::umask(mask);
  }
}

TEST(JournalFile, RemovesAccessOfOthers) {
  const test::TempDir dir;
  make_journal(dir.path());
  const auto user = test::open_journal(dir.path());
  for (const char* suffix : {"", "-wal", "-shm"})
    fs::permissions(file_in(dir, suffix), fs::perms(0666));
  ASSERT_TRUE(Journal::open_existing(dir.path()));
  for (const char* suffix : {"", "-wal", "-shm"})
    EXPECT_EQ(mode_of(file_in(dir, suffix)), 0600U) << suffix;
}

TEST(JournalFile, CreatesItsDirectory) {
  const test::TempDir dir;
  const mode_t mask = ::umask(0);
  const auto journal = Journal::open((dir / "state").string() + "/sluice");
  ::umask(mask);
  ASSERT_TRUE(journal) << journal.error().message;
  EXPECT_EQ(mode_of(dir / "state"), 0700U);
  EXPECT_EQ(mode_of(dir / "state/sluice"), 0700U);
  EXPECT_EQ((*journal)->path(), (dir / "state/sluice/journal.sqlite").string());
}

TEST(JournalFile, LookupCreatesNothing) {
  const test::TempDir dir;
  const auto missing = Journal::open_existing((dir / "sluice").string());
  ASSERT_TRUE(missing) << missing.error().message;
  EXPECT_EQ(*missing, nullptr);
  EXPECT_TRUE(fs::is_empty(dir.path()));
  const std::int64_t id = make_journal(dir.path());
  const auto there = Journal::open_existing(dir.path());
  ASSERT_TRUE(there && *there);
  EXPECT_TRUE(*(*there)->get(id));
}

/// What a full disk leaves: an empty file, a file in mode wal without tables, tables without
/// entries.
TEST(JournalFile, JournalWithoutEntriesDoesNotExist) {
  const test::TempDir dir;
  const std::string path = file_in(dir);
  EXPECT_FALSE(Journal::exists(dir.path()));
  test::write_file(path, "");
  EXPECT_FALSE(Journal::exists(dir.path()));
  {
    auto database = SqlDatabase::open(path, "the journal");
    ASSERT_TRUE(database && database->run("PRAGMA journal_mode = WAL"));
  }
  ASSERT_GT(fs::file_size(path), 0U);
  EXPECT_FALSE(Journal::exists(dir.path()));
  // The file cannot be opened, because its -shm cannot be created. open_existing() reports an error
  // only for a file that may hold an upload.
  fs::create_directory(file_in(dir, "-shm"));
  const auto blank = Journal::open_existing(dir.path());
  EXPECT_TRUE(blank && !*blank);
  EXPECT_FALSE(Journal::open(dir.path()));
  fs::remove(file_in(dir, "-shm"));
  ASSERT_TRUE(Journal::open(dir.path()));
  EXPECT_FALSE(Journal::exists(dir.path()));
}

TEST(JournalFile, JournalThatMayHoldAnEntryExists) {
  const test::TempDir dir;
  const std::string path = file_in(dir);
  {
    auto journal = Journal::open(dir.path());
    ASSERT_TRUE(journal && (*journal)->begin(sample_entry()));
    ASSERT_GT(fs::file_size(file_in(dir, "-wal")), 0U);
    EXPECT_TRUE(Journal::exists(dir.path())) << "the entry is in the -wal only";
  }
  ASSERT_FALSE(fs::exists(file_in(dir, "-wal")));
  EXPECT_TRUE(Journal::exists(dir.path()));
  fs::create_directory(file_in(dir, "-shm"));
  EXPECT_FALSE(Journal::open_existing(dir.path()));
  fs::remove(file_in(dir, "-shm"));

  fs::remove(path);
  test::write_file(path, "no database");
  EXPECT_TRUE(Journal::exists(dir.path()));
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_TRUE(Journal::exists(dir.path()));
  fs::remove(path);
  {
    auto other = SqlDatabase::open((test::write_file(path, ""), path), "another's");
    ASSERT_TRUE(other && other->run("CREATE TABLE uploads (id)"));
  }
  EXPECT_TRUE(Journal::exists(dir.path())) << "another program's";
}

/// A lookup must not drop locks: closing a descriptor drops all locks that the process has on the
/// file.
TEST(JournalFile, LookupKeepsTheLocksOfThisProcess) {
  const test::TempDir dir;
  make_journal(dir.path(), JournalMode::truncate);
  auto writer = SqlDatabase::open(file_in(dir), "the journal");
  ASSERT_TRUE(writer && writer->run("BEGIN EXCLUSIVE"));
  EXPECT_TRUE(Journal::exists(dir.path()));
  const pid_t child = ::fork();
  if (child == 0) {
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    const int fd = ::open(file_in(dir).c_str(), O_RDONLY | O_CLOEXEC);
    ::_exit(::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the lock is gone";
}

TEST(JournalFile, SurvivesAChangeOfWorkingDirectory) {
  const test::TempDir dir;
  const fs::path before = fs::current_path();
  fs::current_path(dir.path());
  const auto journal = Journal::open("state");
  fs::current_path("/");
  ASSERT_TRUE(journal) << journal.error().message;
  EXPECT_TRUE((*journal)->begin(sample_entry()));
  fs::current_path(before);
  EXPECT_TRUE(fs::exists(dir / "state/journal.sqlite"));
}

TEST(JournalFile, RejectsLinksAndNonFiles) {
  const test::TempDir dir;
  test::write_file(dir / "precious", "");
  fs::create_symlink(dir / "precious", file_in(dir));
  const auto link = Journal::open(dir.path());
  ASSERT_FALSE(link);
  EXPECT_TRUE(holds(link.error().message, "not a regular file")) << link.error().message;
  EXPECT_EQ(fs::file_size(dir / "precious"), 0U);
  fs::remove(file_in(dir));
  fs::create_directory(file_in(dir));
  EXPECT_FALSE(Journal::open(dir.path()));
}

TEST(JournalFile, RejectsAFileOfAnotherUser) {
  if (::geteuid() != 0) return;  // only root can create one
  const test::TempDir dir;
  make_journal(dir.path());
  ASSERT_EQ(::chown(file_in(dir).c_str(), 12345, 12345), 0);
  const auto journal = Journal::open(dir.path());
  ASSERT_FALSE(journal);
  EXPECT_TRUE(holds(journal.error().message, "another user")) << journal.error().message;
}

TEST(JournalFile, ReportsUnusablePaths) {
  struct Case {
    const char* sql;
    const char* says;
  };
  for (const Case& c : {Case{"PRAGMA user_version = 6", "newer sluice"},
                        Case{"PRAGMA application_id = 5", "another program"}}) {
    const test::TempDir dir;
    make_journal(dir.path());
    test::spoil(dir.path(), c.sql);
    const auto journal = Journal::open(dir.path());
    ASSERT_FALSE(journal) << c.sql;
    EXPECT_EQ(journal.error().kind, ErrorKind::failed);
    EXPECT_TRUE(holds(journal.error().message, c.says)) << journal.error().message;
    EXPECT_TRUE(holds(journal.error().message, file_in(dir).string()));
    EXPECT_FALSE(Journal::open_existing(dir.path()));
  }
}

TEST(JournalFile, RejectsDatabasesOfOtherPrograms) {
  const test::TempDir dir;
  test::write_file(file_in(dir), "");
  test::spoil(dir.path(), "CREATE TABLE bookmarks (url TEXT)");
  const std::string before = test::read_file(file_in(dir));
  const auto journal = Journal::open(dir.path());
  ASSERT_FALSE(journal);
  EXPECT_TRUE(holds(journal.error().message, "another program")) << journal.error().message;
  EXPECT_EQ(test::read_file(file_in(dir)), before);
}

TEST(JournalFile, RejectsNonDatabaseWithAdvice) {
  const test::TempDir dir;
  const std::string text(5000, 'x');
  test::write_file(file_in(dir), text);
  const auto journal = Journal::open(dir.path());
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, SQLITE_NOTADB);
  EXPECT_TRUE(holds(journal.error().message, "not a database")) << journal.error().message;
  EXPECT_TRUE(holds(journal.error().message, "move the file away"));
  EXPECT_EQ(test::read_file(file_in(dir)), text);
  fs::rename(file_in(dir), dir / "away");
  EXPECT_TRUE(Journal::open(dir.path()));
}

TEST(JournalFile, RejectsMalformedDatabaseWithAdvice) {
  const test::TempDir dir;
  make_journal(dir.path());
  std::string bytes = test::read_file(file_in(dir));
  ASSERT_GT(bytes.size(), 8192U);
  bytes.replace(4096, bytes.size() - 4096, std::string(bytes.size() - 4096, '\xFF'));
  test::write_file(file_in(dir), bytes);
  const auto journal = Journal::open(dir.path());
  ASSERT_TRUE(journal) << journal.error().message;
  const auto listing = (*journal)->list(true);
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().code, SQLITE_CORRUPT);
  EXPECT_TRUE(holds(listing.error().message, "move the file away")) << listing.error().message;
}

TEST(JournalFile, DoesNotCrashOnDamagedContents) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  const test::TempDir dir(test::memory_directory());
  const std::int64_t id = make_journal(dir.path(), JournalMode::truncate);
  const std::vector<std::uint64_t> checksums = test::checksums_of(0, 20);
  ASSERT_TRUE(test::open_journal(dir.path())
                  ->record(id, {.hashed = Journal::Step::Hashed{.checksums = checksums,
                                                                .digest_state = "state"}}));
  const std::string good = test::read_file(file_in(dir));
  int opened = 0;
  for (int round = 0; round < 200; ++round) {
    std::string bad = good;
    for (std::uint64_t changes = 1 + random() % 20; changes > 0; --changes)
      bad[random() % bad.size()] = static_cast<char>(random());
    if (random() % 8 == 0) bad.resize(random() % bad.size());
    for (const char* suffix : {"-journal", "-wal", "-shm"}) fs::remove(file_in(dir, suffix));
    test::write_file(file_in(dir), bad);
    const auto journal = Journal::open(dir.path());
    if (!journal) continue;
    ++opened;
    // The results do not matter: any call may fail or return wrong data, but none may crash.
    static_cast<void>((*journal)->list(true));
    static_cast<void>((*journal)->checksums(id, 0, 20));
    static_cast<void>((*journal)->record(id, {.committed = 5}));
    static_cast<void>((*journal)->begin(sample_entry()));
    static_cast<void>((*journal)->find(sample_entry().system, "IDB-1", "scan.h5"));
  }
  EXPECT_GT(opened, 0);
}

TEST(JournalFile, RunsNoTriggersOfTheFile) {
  const test::TempDir dir;
  const std::int64_t id = make_journal(dir.path());
  test::spoil(dir.path(),
              "CREATE TRIGGER surprise AFTER INSERT ON servers BEGIN DELETE FROM uploads; END");
  const auto journal = test::open_journal(dir.path());
  ASSERT_TRUE(journal->set_chunk_limit("https://a.example", 5));
  EXPECT_TRUE(*journal->get(id));
}

}  // namespace
}  // namespace sluice::journal_file_test
