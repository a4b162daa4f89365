#include "io/open_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "tests/io/faults.h"
#include "tests/io/read_range.h"
#include "tests/support/temp_dir.h"

namespace sluice::open_source_test {
namespace {

using test::WithFaults;
using ::testing::HasSubstr;

constexpr std::size_t block = 64 * 1024;

class OpenSourceTest : public ::testing::Test {
 protected:
  OpenSourceTest() { test::write_file(path(), content_); }

  std::string path() const { return dir_ / "data.bin"; }
  OpenedSource open(ReadMode mode) const { return open_source(path(), mode, block).value(); }

  const test::TempDir dir_;
  const std::string content_ = test::random_bytes(64 * 4096, 1);
};

TEST_F(OpenSourceTest, AutomaticReadsCachedFileBuffered) {
  const WithFaults faults({.cached_percent = 90});
  const OpenedSource opened = open(ReadMode::automatic);
  EXPECT_EQ(opened.source->mode(), ReadMode::buffered) << opened.reason;
  EXPECT_THAT(opened.reason, HasSubstr("in the page cache"));
  EXPECT_FALSE(opened.fell_back);
}

TEST_F(OpenSourceTest, AutomaticReadsColdFileDirect) {
  const WithFaults faults({.sector = 512, .cached_percent = 10});
  const OpenedSource opened = open(ReadMode::automatic);
  EXPECT_EQ(opened.source->mode(), ReadMode::direct) << opened.reason;
  EXPECT_THAT(opened.reason, HasSubstr("sectors of 512 bytes"));
  EXPECT_FALSE(opened.fell_back);
}

TEST_F(OpenSourceTest, AutomaticReadsColdFileBufferedWithoutDirect) {
  const WithFaults faults({.refuses_direct_flag = true, .cached_percent = 0});
  const OpenedSource opened = open(ReadMode::automatic);
  EXPECT_EQ(opened.source->mode(), ReadMode::buffered);
  EXPECT_THAT(opened.reason, HasSubstr("does not support O_DIRECT"));
  EXPECT_FALSE(opened.fell_back);  // direct was not requested
  EXPECT_TRUE(test::read_range(*opened.source, 0, block).value() == content_.substr(0, block));
}

TEST_F(OpenSourceTest, DirectFallsBackWithReason) {
  struct {
    test::Faults faults;
    const char* why;
  } const cases[] = {
      {{.refuses_direct_flag = true}, "does not support O_DIRECT: Invalid argument"},
      {{.refuses_direct_reads = true}, "the first O_DIRECT read failed: Invalid argument"},
      {{.sector = 0}, "does not support O_DIRECT"},
      {{.sector = 2 * block},
       "sector size of 131072 bytes does not divide the block size of 65536"},
  };
  for (const auto& [wanted, why] : cases) {
    const WithFaults faults(wanted);
    const OpenedSource opened = open(ReadMode::direct);
    EXPECT_EQ(opened.source->mode(), ReadMode::buffered);
    EXPECT_TRUE(opened.fell_back);
    EXPECT_THAT(opened.reason, HasSubstr(why));
    EXPECT_TRUE(test::read_range(*opened.source, 0, block).value() == content_.substr(0, block));
  }
}

TEST_F(OpenSourceTest, UsesRequestedMode) {
  for (const ReadMode mode : {ReadMode::direct, ReadMode::mmap, ReadMode::buffered}) {
    const OpenedSource opened = open(mode);
    EXPECT_EQ(opened.source->mode(), mode);
    EXPECT_FALSE(opened.fell_back);
    EXPECT_FALSE(opened.reason.empty());
  }
}

TEST_F(OpenSourceTest, RejectsSpecialFilesInEveryMode) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  for (const ReadMode mode :
       {ReadMode::automatic, ReadMode::direct, ReadMode::mmap, ReadMode::buffered}) {
    for (const std::string& wrong : {std::string(dir_ / "missing"), std::string(dir_ / "fifo"),
                                     dir_.path().string(), std::string("/dev/null")}) {
      const auto opened = open_source(wrong, mode, block);
      ASSERT_FALSE(opened) << wrong;
      EXPECT_EQ(opened.error().kind, ErrorKind::local_file);
      EXPECT_NE(opened.error().code, 0);
      EXPECT_THAT(opened.error().message, HasSubstr(wrong));
    }
  }
}

}  // namespace
}  // namespace sluice::open_source_test
