// Behaviour specific to O_DIRECT; source_test.cc tests the contract of all sources.
#include "io/direct_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include "io/buffered_source.h"
#include "tests/io/faults.h"
#include "tests/io/read_range.h"
#include "tests/support/temp_dir.h"

namespace sluice::direct_source_test {
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

TEST_F(DirectSourceTest, NeedsMemoryForWholeSectors) {
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

TEST_F(DirectSourceTest, UsesDefaultSectorIfUnknown) {
  const WithFaults faults({.tells_no_sector = true});
  LocalFile file = open_file();
  EXPECT_EQ(DirectSource::create(file, block).value()->sector(), 4096U);
}

TEST_F(DirectSourceTest, ReadsSectorsLargerThanPage) {
  const WithFaults faults({.sector = 16384});
  LocalFile file = open_file();
  const auto source = DirectSource::create(file, block).value();
  EXPECT_TRUE(read_range(*source, 16383, 2).value() == content_.substr(16383, 2));
  EXPECT_TRUE(read_range(*source, 0, content_.size()).value() == content_);
}

TEST_F(DirectSourceTest, KeepsFileUsableAfterFailure) {
  struct {
    Faults faults;
    const char* why;
    int code;
  } const cases[] = {
      {{.refuses_direct_flag = true}, "does not support O_DIRECT", EINVAL},
      {{.refuses_direct_reads = true}, "the first O_DIRECT read failed", EINVAL},
      {{.sector = 0}, "does not support O_DIRECT", EOPNOTSUPP},
      {{.sector = 2 * block}, "does not divide the block size", EINVAL},
      {{.bad_at = 0}, "the first O_DIRECT read failed", EIO},
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

/// As on file systems that refuse a direct read of an incomplete last sector.
TEST_F(DirectSourceTest, ReadsRefusedTailThroughPageCache) {
  const WithFaults faults({.refuses_direct_tail = true});
  LocalFile file = open_file();
  const auto source = DirectSource::create(file, block).value();
  for (const auto& [offset, length] : {std::pair<std::size_t, std::size_t>{2 * block, 300},
                                       {2 * block + 7, 100},
                                       {block + 5, block},
                                       {0, content_.size()}}) {
    SCOPED_TRACE(offset);
    const unsigned before = faults.hits();
    const auto read = read_range(*source, offset, length);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(*read == content_.substr(offset, length));
    EXPECT_GT(faults.hits(), before) << "the tail was not refused";
    ASSERT_FALSE(faults.dropped().empty());
    EXPECT_EQ(faults.dropped().back(), (std::pair<std::uint64_t, std::uint64_t>(offset, length)));
  }
  const unsigned before = faults.hits();
  EXPECT_TRUE(read_range(*source, 0, block).value() == content_.substr(0, block));
  EXPECT_EQ(faults.hits(), before) << "what is not refused is still read direct";
}

TEST_F(DirectSourceTest, ReadsRefusedRangesThroughPageCache) {
  const WithFaults faults({.refuses_direct_at = block + 5000});
  LocalFile file = open_file();
  const auto source = DirectSource::create(file, block).value();
  EXPECT_TRUE(read_range(*source, block, block).value() == content_.substr(block, block));
  EXPECT_EQ(faults.hits(), 1U);
}

/// The path may name another file by now.
TEST_F(DirectSourceTest, ReadsRefusedTailOfOpenedFile) {
  const WithFaults faults({.refuses_direct_tail = true});
  LocalFile file = open_file();
  const std::string path = file.path;
  const auto source = DirectSource::create(file, block).value();
  std::filesystem::remove(path);
  test::write_file(path, std::string(content_.size(), 'x'));
  EXPECT_TRUE(read_range(*source, 2 * block, 300).value() == content_.substr(2 * block, 300));
}

TEST_F(DirectSourceTest, SetsDirectFlag) {
  LocalFile file = open_file();
  const int fd = file.fd.get();
  const auto source = DirectSource::create(file, block);
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_DIRECT, 0);
}

}  // namespace
}  // namespace sluice::direct_source_test
