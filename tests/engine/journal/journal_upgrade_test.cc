// Journals of older versions of sluice.
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <thread>

#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::journal_upgrade_test {
namespace {

/// The common part of versions 1 to 3: one upload of 3 blocks, two of them hashed.
constexpr const char* uploads[] = {
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
    "INSERT INTO uploads VALUES (7, 'https://a.example', 'IDB-1', 'scan.h5',"
    "  CAST('/data/scan.h5' AS BLOB), 10000, 1700000000123456789, 3, 4, x'', '', 4096, 4096, 2, "
    "x'616263', 0,"
    "  'unreachable', 'gone', 1700000000, 1700000100, '')",
    "INSERT INTO checksums VALUES (7, 0, x'01000000000000000200000000000000')",
    "PRAGMA application_id = 1936487779",
};

/// Version 1: records about servers only what they refuse.
constexpr const char* version_1[] = {
    "CREATE TABLE chunk_limits (system TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT",
    "INSERT INTO chunk_limits VALUES ('https://a.example', 1048576), ('https://b.example', 5)",
    "PRAGMA user_version = 1",
};

/// Version 2: knows the phased protocol only.
constexpr const char* version_2[] = {
    "CREATE TABLE servers ("
    "  system TEXT PRIMARY KEY, chunk_limit INTEGER, chunk_bytes INTEGER,"
    "  lookahead_refused_s INTEGER) STRICT",
    ("INSERT INTO servers VALUES ('https://a.example', 1048576, NULL, NULL),"
     "  ('https://b.example', 5, 7, 1700000000)"),
    "PRAGMA user_version = 2",
};

/// Version 3, of sluice 0.1.0: times of files are in nanoseconds only. The additions to version 2.
constexpr const char* version_3[] = {
    "ALTER TABLE uploads ADD COLUMN protocol TEXT NOT NULL DEFAULT 'phased'",
    "ALTER TABLE uploads ADD COLUMN upload_url TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE uploads ADD COLUMN part_of INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE uploads ADD COLUMN part_begin INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX uploads_by_whole ON uploads (part_of) WHERE part_of > 0",
    "ALTER TABLE servers ADD COLUMN protocol TEXT",
    "ALTER TABLE servers ADD COLUMN protocol_s INTEGER",
    "ALTER TABLE servers ADD COLUMN tus TEXT",
    "PRAGMA user_version = 3",
};

struct Old {
  JournalMode mode;
  int version;
};

class JournalUpgrade : public testing::TestWithParam<Old> {
 protected:
  JournalUpgrade() {
    test::write_file(journal_path(dir_.path()), "");
    SqlDatabase database = test::raw_journal(dir_.path());
    const bool wal = GetParam().mode == JournalMode::wal;
    EXPECT_TRUE(database.run(wal ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = TRUNCATE"));
    run_all(database, uploads);
    if (GetParam().version == 1)
      run_all(database, version_1);
    else
      run_all(database, version_2);
    if (GetParam().version == 3) run_all(database, version_3);
  }

  static void run_all(SqlDatabase& database, std::span<const char* const> statements) {
    for (const char* statement : statements) {
      const auto done = database.run(statement);
      EXPECT_TRUE(done) << statement << ": " << done.error().message;
    }
  }
  std::int64_t number(const char* sql) {
    return test::raw_journal(dir_.path()).integer(sql).value_or(-1);
  }

  const test::TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(, JournalUpgrade,
                         testing::Values(Old{JournalMode::wal, 1}, Old{JournalMode::truncate, 1},
                                         Old{JournalMode::wal, 2}, Old{JournalMode::truncate, 2},
                                         Old{JournalMode::wal, 3}, Old{JournalMode::truncate, 3}),
                         [](const auto& old) {
                           return (old.param.mode == JournalMode::wal ? "wal_" : "truncate_") +
                                  std::to_string(old.param.version);
                         });

TEST_P(JournalUpgrade, KeepsAllData) {
  for (const char* when : {"first", "again"}) {
    SCOPED_TRACE(when);
    const auto journal = Journal::open(dir_.path());
    ASSERT_TRUE(journal) << journal.error().message;
    const auto found = (*journal)->find("https://a.example", "IDB-1", "scan.h5");
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->id, 7);
    EXPECT_EQ((*found)->path, "/data/scan.h5");
    EXPECT_EQ((*found)->file.modified, (FileTime{1'700'000'000, 123'456'789}));
    EXPECT_EQ((*found)->committed, 4096U);
    EXPECT_EQ((*found)->digest_state, "abc");
    EXPECT_EQ((*found)->protocol, "phased");
    EXPECT_EQ((*found)->upload_url, "");
    EXPECT_EQ((*found)->part_of, 0);
    EXPECT_EQ((*found)->part_begin, 0U);
    ASSERT_TRUE((*found)->error);
    EXPECT_EQ((*found)->error->message, "gone");
    EXPECT_EQ(*(*journal)->checksums(7, 0, 2), (std::vector<std::uint64_t>{1, 2}));
    const auto facts = (*journal)->facts("https://a.example");
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->chunk_limit, 1048576U);
    EXPECT_EQ(facts->lookahead_refused_s, std::nullopt);
    EXPECT_EQ(facts->protocol, std::nullopt);
    EXPECT_EQ((*journal)->facts("https://b.example")->chunk_limit, 5U);
    ASSERT_TRUE((*journal)->set_chunk_bytes("https://a.example", 100));
    EXPECT_EQ((*journal)->facts("https://a.example")->chunk_bytes, 100U);
  }
  EXPECT_EQ(number("PRAGMA user_version"), 5);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_schema WHERE name = 'chunk_limits'"), 0);
  EXPECT_EQ(test::integrity(dir_.path()), "ok");
}

/// An extended table and a new table accept the same values.
TEST_P(JournalUpgrade, StoresAllNewColumns) {
  const auto journal = Journal::open(dir_.path());
  ASSERT_TRUE(journal) << journal.error().message;
  JournalEntry entry = test::sample_entry();
  entry.protocol = "tus";
  entry.upload_url = "https://databank.example/files/1";
  const auto whole = (*journal)->begin(entry);
  ASSERT_TRUE(whole) << whole.error().message;
  entry.part_of = *whole;
  entry.part_begin = 90'000'000;
  entry.file.size = 10'000'000;
  ASSERT_TRUE((*journal)->begin(entry));
  const auto parts = (*journal)->parts(*whole);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(parts->front().upload_url, entry.upload_url);
  EXPECT_EQ(parts->front().part_begin, 90'000'000U);
  ASSERT_TRUE((*journal)->set_protocol("https://b.example", "tus", "creation"));
  EXPECT_EQ((*journal)->facts("https://b.example")->tus, "creation");
  ASSERT_TRUE((*journal)->set_requests("https://b.example", 2));
  EXPECT_EQ((*journal)->facts("https://b.example")->requests, 2U);
  EXPECT_EQ((*journal)->facts("https://b.example")->chunk_limit, 5U);
}

TEST_P(JournalUpgrade, SeveralThreadsUpgradeConcurrently) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      const auto journal = Journal::open(dir_.path());
      ASSERT_TRUE(journal) << journal.error().message;
      EXPECT_EQ((*journal)->facts("https://b.example")->chunk_limit, 5U);
    });
  for (std::thread& thread : threads) thread.join();
}

/// All or nothing: a file that cannot be upgraded stays unchanged.
TEST_P(JournalUpgrade, FailedUpgradeChangesNothing) {
  const bool first = GetParam().version == 1;
  const bool third = GetParam().version == 3;
  test::spoil(dir_.path(), first   ? "CREATE TABLE servers (surprise TEXT)"
                           : third ? "ALTER TABLE uploads ADD COLUMN mtime_s INTEGER"
                                   : "ALTER TABLE servers ADD COLUMN tus BLOB");
  const auto journal = Journal::open(dir_.path());
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().kind, ErrorKind::failed);
  EXPECT_EQ(number("PRAGMA user_version"), GetParam().version);
  EXPECT_EQ(number(first ? "SELECT count(*) FROM chunk_limits" : "SELECT count(*) FROM servers"),
            2);
  EXPECT_EQ(number("SELECT count(*) FROM pragma_table_info('uploads') WHERE name = 'protocol'"),
            third ? 1 : 0);
}

}  // namespace
}  // namespace sluice::journal_upgrade_test
