// What is O_DIRECT's own; the contract of all sources is in source_test.cc.
#include "io/direct_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "io/buffered_source.h"
#include "tests/io/faults.h"
#include "tests/io/read_range.h"
#include "tests/support/temp_dir.h"

namespace sluice {
namespace {

using test::Faults;
using test::read_range;
using test::WithFaults;
using ::testing::HasSubstr;

constexpr std::size_t block = 64 * 1024;

class DirectSourceTest : public ::testing::Test {
 protected:
  LocalFile open_file() const {
    test::write_file(dir_ / "data.bin", content_);
    return open_local_file(dir_ / "data.bin").value();
  }

  const std::string content_ = test::random_bytes(2 * block + 300, 1);

 private:
  const test::TempDir dir_;
};

TEST_F(DirectSourceTest, AsksForWholeSectorsOfMemory) {
  const WithFaults faults({.sector = 512});
  LocalFile file = open_file();
  const auto source = DirectSource::create(file, block).value();
  EXPECT_EQ(source->sector(), 512U);
  EXPECT_EQ(source->memory_for(0, 512), 512U);
  EXPECT_EQ(source->memory_for(0, 1), 512U);
  EXPECT_EQ(source->memory_for(511, 1), 512U);
  EXPECT_EQ(source->memory_for(511, 2), 1024U);
  EXPECT_EQ(source->memory_for(1, 512), 1024U);
  EXPECT_EQ(source->memory_for(1024, 0), 0U);
}

TEST_F(DirectSourceTest, TakesTheLargestUsualSectorWhereTheKernelDoesNotTell) {
  const WithFaults faults({.tells_no_sector = true});
  LocalFile file = open_file();
  EXPECT_EQ(DirectSource::create(file, block).value()->sector(), 4096U);
}

TEST_F(DirectSourceTest, ReadsThroughSectorsLargerThanAPage) {
  const WithFaults faults({.sector = 16384});
  LocalFile file = open_file();
  const auto source = DirectSource::create(file, block).value();
  EXPECT_TRUE(read_range(*source, 16383, 2).value() == content_.substr(16383, 2));
  EXPECT_TRUE(read_range(*source, 0, content_.size()).value() == content_);
}

TEST_F(DirectSourceTest, LeavesTheFileUsableWhereItCannotBeDirect) {
  struct {
    Faults faults;
    const char* why;
    int code;
  } const cases[] = {
      {{.refuses_direct_flag = true}, "refuses O_DIRECT", EINVAL},
      {{.refuses_direct_reads = true}, "first direct read", EINVAL},
      {{.sector = 0}, "refuses O_DIRECT", EOPNOTSUPP},
      {{.sector = 2 * block}, "do not divide", EINVAL},
      {{.bad_at = 0}, "first direct read", EIO},
  };
  for (const auto& [wanted, why, code] : cases) {
    SCOPED_TRACE(why);
    LocalFile file = open_file();
    {
      const WithFaults faults(wanted);
      const auto source = DirectSource::create(file, block);
      ASSERT_FALSE(source);
      EXPECT_EQ(source.error().code, code);
      EXPECT_THAT(source.error().message, HasSubstr(why));
    }
    ASSERT_TRUE(file.fd);
    EXPECT_EQ(::fcntl(file.fd.get(), F_GETFL) & O_DIRECT, 0);
    const BufferedSource buffered(std::move(file));
    EXPECT_TRUE(read_range(buffered, 7, 1000).value() == content_.substr(7, 1000));
  }
}

TEST_F(DirectSourceTest, TheDescriptorIsReallyDirect) {
  LocalFile file = open_file();
  const int fd = file.fd.get();
  const auto source = DirectSource::create(file, block);
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_DIRECT, 0);
}

}  // namespace
}  // namespace sluice
