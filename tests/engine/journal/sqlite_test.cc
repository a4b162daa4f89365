#include "engine/journal/sqlite.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace sluice::sqlite_test {
namespace {

/// Compiled statements are reused, which callers must not notice.
class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    run("CREATE TABLE t (n INTEGER, text TEXT)");
    for (const std::int64_t n : {1, 2, 3})
      run("INSERT INTO t VALUES (?, ?)", {SqlValue::of(n), SqlValue::text(std::string(3, 'x'))});
  }

  SqlDatabase open() {
    if (!std::filesystem::exists(dir_ / "db")) test::write_file(dir_ / "db", "");
    return SqlDatabase::open(dir_ / "db", "the test").value();
  }
  void run(std::string_view sql, std::initializer_list<SqlValue> values = {}) {
    const auto done = database_.run(sql, values);
    EXPECT_TRUE(done) << done.error().message;
  }
  SqlStatement rows() { return database_.query("SELECT n FROM t ORDER BY n").value(); }

  const test::TempDir dir_;
  SqlDatabase database_ = open();
};

TEST_F(SqliteTest, ReusedStatementStartsAtTheFirstRow) {
  for (int round = 0; round < 3; ++round) {
    SqlStatement statement = rows();
    ASSERT_TRUE(statement.step().value());
    EXPECT_EQ(statement.value(0).integer, 1);
  }
}

TEST_F(SqliteTest, TwoStatementsWithTheSameSqlAreIndependent) {
  SqlStatement one = rows();
  ASSERT_TRUE(one.step().value());
  ASSERT_TRUE(one.step().value());
  {
    SqlStatement two = rows();
    ASSERT_TRUE(two.step().value());
    EXPECT_EQ(two.value(0).integer, 1);
    const SqlStatement moved = std::move(two);
    EXPECT_EQ(moved.value(0).integer, 1);
  }
  EXPECT_EQ(one.value(0).integer, 2);
  ASSERT_TRUE(one.step().value());
  EXPECT_EQ(one.value(0).integer, 3);
}

TEST_F(SqliteTest, ReusedStatementHasNoOldValues) {
  run("INSERT INTO t VALUES (?, ?)");
  EXPECT_EQ(database_.integer("SELECT count(*) FROM t WHERE n IS NULL AND text IS NULL"), 1);
}

TEST_F(SqliteTest, UnfinishedStatementReleasesItsLock) {
  static_cast<void>(rows().step().value());
  SqlDatabase other = open();
  EXPECT_TRUE(other.run("BEGIN EXCLUSIVE"));
  EXPECT_TRUE(other.run("ROLLBACK"));
}

TEST_F(SqliteTest, FailedStatementCanBeRepeated) {
  run("CREATE UNIQUE INDEX unique_n ON t (n)");
  for (int round = 0; round < 2; ++round) {
    const auto twice = database_.run("INSERT INTO t VALUES (?, ?)", {SqlValue::of(1)});
    ASSERT_FALSE(twice);
    EXPECT_NE(twice.error().message.find("UNIQUE"), std::string::npos) << twice.error().message;
    EXPECT_FALSE(database_.query("SELECT nothing FROM t"));
  }
  run("INSERT INTO t VALUES (?, ?)", {SqlValue::of(4)});
}

/// Some PRAGMAs act only when they are compiled.
TEST_F(SqliteTest, PragmaActsEachTime) {
  for (const std::int64_t pages : {50, 60, 50}) {
    run("PRAGMA cache_size = 50");
    if (pages != 50) run("PRAGMA cache_size = 60");
    EXPECT_EQ(database_.integer("PRAGMA cache_size"), pages);
  }
}

TEST_F(SqliteTest, ReportsWhetherATransactionIsOpen) {
  EXPECT_FALSE(database_.in_transaction());
  {
    SqlTransaction transaction(database_);
    ASSERT_TRUE(transaction.begin());
    EXPECT_TRUE(database_.in_transaction());
  }
  EXPECT_FALSE(database_.in_transaction());
}

}  // namespace
}  // namespace sluice::sqlite_test
