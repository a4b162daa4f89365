// Failing reads in the common base of the sources; source_test.cc tests the contract of all
// sources.
#include "io/file_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "io/open_source.h"
#include "tests/io/faults.h"
#include "tests/io/read_range.h"
#include "tests/support/temp_dir.h"

namespace sluice::file_source_test {
namespace {

using test::read_range;
using test::WithFaults;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::size_t block = 64 * 1024;

class FailingReads : public ::testing::TestWithParam<ReadMode> {
 protected:
  std::unique_ptr<Source> open() const {
    test::write_file(path(), content_);
    return open_source(path(), GetParam(), block).value().source;
  }
  std::string path() const { return dir_ / "data.bin"; }
  const std::string content_ = test::random_bytes(4 * block, 1);

 private:
  const test::TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(Both, FailingReads,
                         ::testing::Values(ReadMode::direct, ReadMode::buffered),
                         [](const auto& test) { return to_string(test.param); });

TEST_P(FailingReads, ReportOffsetOnBrokenDisk) {
  const auto source = open();
  const WithFaults faults({.bad_at = 2 * block + 8192});
  EXPECT_TRUE(read_range(*source, 0, 2 * block).value() == content_.substr(0, 2 * block));
  const auto bytes = read_range(*source, 2 * block, block);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, ErrorKind::local_file);
  EXPECT_EQ(bytes.error().code, EIO);
  EXPECT_THAT(bytes.error().message,
              AllOf(HasSubstr(path()), HasSubstr("offset " + std::to_string(2 * block + 8192))));
}

TEST_P(FailingReads, ReportUnexpectedEndOfFile) {
  const auto source = open();
  for (const std::uint64_t end : {block, block + 4096, block + 100}) {
    const WithFaults faults({.end_at = end});
    const auto bytes = read_range(*source, block, block);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().kind, ErrorKind::local_file);
    EXPECT_THAT(bytes.error().message,
                AllOf(HasSubstr(path()), HasSubstr("unexpected end of the file")));
  }
}

TEST_P(FailingReads, ContinueAfterInterruptedAndShortReads) {
  const auto source = open();
  // A direct read has at least a sector, which may have 4096 bytes.
  const WithFaults faults({.longest_read = 5000, .interrupt_every = 2});
  const auto bytes = read_range(*source, 100, 2 * block);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_TRUE(*bytes == content_.substr(100, 2 * block));
  EXPECT_GT(faults.hits(), 50U);  // the faults occurred
}

}  // namespace
}  // namespace sluice::file_source_test
