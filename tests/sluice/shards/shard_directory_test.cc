#include "tools/sluice/shards/shard_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/support/temp_dir.h"

namespace sluice::cli::shard_directory_test {
namespace {

using testing::HasSubstr;

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class ShardDirectoryTest : public testing::Test {
 protected:
  static std::vector<std::vector<ManifestRow>> one_row(const std::string& file) {
    ManifestRow row;
    row.path = file;
    row.dataset = "IDB-1";
    return {{row}};
  }
  Result<ShardDirectory> write(const std::string& file) {
    return ShardDirectory::write(path_, facts_, one_row(file));
  }

  const test::TempDir parent_;
  const std::string path_ = parent_ / "batch";
  const ShardDirectory::Facts facts_{.manifest = "/data/files.csv",
                                     .url = "https://bank.example",
                                     .state_dir = "/state",
                                     .shards = 1};
};

TEST_F(ShardDirectoryTest, KeepsTheManifestsOfABatchWhoseFactsCannotBeRead) {
  ASSERT_TRUE(write("/data/first"));
  const std::string manifest = content_of(path_ + "/shard-1.jsonl");
  ASSERT_NE(manifest.find("/data/first"), std::string::npos);
  // Root may read every file, but nobody reads a directory as a file.
  ASSERT_EQ(std::remove((path_ + "/batch.json").c_str()), 0);
  ASSERT_EQ(::mkdir((path_ + "/batch.json").c_str(), 0700), 0);
  const auto second = write("/data/second");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("Is a directory"));
  EXPECT_EQ(content_of(path_ + "/shard-1.jsonl"), manifest);
}

TEST_F(ShardDirectoryTest, RefusesAnotherBatch) {
  ASSERT_TRUE(write("/data/first"));
  ASSERT_TRUE(write("/data/first"));
  const auto second = write("/data/second");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("has another batch"));
}

TEST_F(ShardDirectoryTest, ReportsWhyFileCannotBeRead) {
  const auto none = ShardDirectory::read(parent_.path());
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("No such file or directory"));
  ASSERT_TRUE(write("/data/first"));
  const auto directory = ShardDirectory::read(path_);
  ASSERT_TRUE(directory) << directory.error().message;
  ASSERT_TRUE(directory->rows(1));
  ASSERT_EQ(std::remove((path_ + "/shard-1.jsonl").c_str()), 0);
  const auto rows = directory->rows(1);
  ASSERT_FALSE(rows);
  EXPECT_THAT(rows.error().message, HasSubstr("cannot read the manifest"));
  EXPECT_THAT(rows.error().message, HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace sluice::cli::shard_directory_test
