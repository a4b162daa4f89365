#include "io/fault_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/open_source.h"
#include "tests/io/read_range.h"
#include "tests/support/temp_dir.h"

namespace sluice::fault_source_test {
namespace {

using test::read_range;
using testing::HasSubstr;

class FaultSourceTest : public testing::Test {
 protected:
  FaultSourceTest() { test::write_file(path_, content_); }

  std::unique_ptr<Source> plain() {
    return std::move(open_source(path_, ReadMode::buffered, 4096)->source);
  }
  FaultSource with(SourceFaults faults) { return FaultSource(plain(), std::move(faults)); }

  test::TempDir directory_;
  const std::string path_ = directory_ / "scan.h5";
  const std::string content_ = test::random_bytes(20'000, 1);
};

TEST_F(FaultSourceTest, ForwardsWithoutFaults) {
  const FaultSource source = with({});
  EXPECT_EQ(*read_range(source, 0, 20'000), content_);
  EXPECT_EQ(*read_range(source, 100, 50), content_.substr(100, 50));
  EXPECT_EQ(source.path(), path_);
  EXPECT_EQ(source.identity(), plain()->identity());
  EXPECT_EQ(*source.identity_now(), source.identity());
  EXPECT_EQ(source.mode(), ReadMode::buffered);
  EXPECT_EQ(source.memory_for(5, 4096), plain()->memory_for(5, 4096));
  EXPECT_EQ(source.reads(), 2U);
}

TEST_F(FaultSourceTest, FailsOnlyReadsOfBadByte) {
  const FaultSource source = with({.fails_at = 5000});
  EXPECT_TRUE(read_range(source, 0, 5000));
  EXPECT_TRUE(read_range(source, 5001, 100));
  const auto read = read_range(source, 4096, 4096);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::local_file);
  EXPECT_EQ(read.error().code, EIO);
  EXPECT_THAT(read.error().message, HasSubstr(path_ + " at offset 5000: Input/output error"));
  EXPECT_EQ(with({.fails_at = 0, .code = ESTALE}).read(0, 0, {}).has_value(), true);
  EXPECT_EQ(read_range(with({.fails_at = 0, .code = ESTALE}), 0, 1).error().code, ESTALE);
}

/// The same message as for a real file.
TEST_F(FaultSourceTest, ReportsTruncationLikeFile) {
  FileIdentity smaller = plain()->identity();
  smaller.size = 10'000;
  const FaultSource source = with({.identity_now = smaller});
  EXPECT_TRUE(read_range(source, 0, 10'000));
  EXPECT_EQ(*source.identity_now(), smaller);

  const auto real = plain();
  std::filesystem::resize_file(path_, 10'000);
  const auto expected = read_range(*real, 8192, 4096);
  const auto read = read_range(source, 8192, 4096);
  ASSERT_FALSE(read);
  ASSERT_FALSE(expected);
  EXPECT_EQ(read.error().message, expected.error().message);
  EXPECT_EQ(read.error().kind, expected.error().kind);
}

TEST_F(FaultSourceTest, ReportsShortRead) {
  const FaultSource source = with({.ends_at = 6000});
  EXPECT_TRUE(read_range(source, 0, 6000));
  const auto read = read_range(source, 4096, 4096);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::local_file);
  EXPECT_THAT(read.error().message, HasSubstr("at offset 6000: unexpected end of the file"));
  EXPECT_THAT(read_range(source, 8192, 10).error().message, HasSubstr("at offset 8192"));
  EXPECT_EQ(*source.identity_now(), source.identity());
}

TEST_F(FaultSourceTest, ChangesByteFromNthRead) {
  FaultSource source = with({.changes = {{.offset = 100, .from_reading = 3}, {.offset = 101}}});
  std::string changed = content_;
  changed[101] = static_cast<char>(changed[101] ^ 1);
  EXPECT_EQ(*read_range(source, 0, 4096), changed.substr(0, 4096));
  EXPECT_EQ(*read_range(source, 101, 10), changed.substr(101, 10)) << "that did not read byte 100";
  EXPECT_EQ(*read_range(source, 100, 1), changed.substr(100, 1));
  changed[100] = static_cast<char>(changed[100] ^ 1);
  EXPECT_EQ(*read_range(source, 50, 100), changed.substr(50, 100));
  EXPECT_EQ(*read_range(source, 0, 20'000), changed);
  source.set_faults({});
  EXPECT_EQ(*read_range(source, 0, 20'000), content_);
}

}  // namespace
}  // namespace sluice::fault_source_test
