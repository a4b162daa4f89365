// What reading through the page cache leaves in it: only pages that were there before.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/open_source.h"
#include "io/unique_fd.h"
#include "tests/io/faults.h"
#include "tests/io/read_range.h"
#include "tests/support/temp_dir.h"

namespace sluice::drop_behind_test {
namespace {

using test::read_range;
using test::WithFaults;
using ::testing::HasSubstr;

// Smaller than the folios of the kernel's read-ahead, so that some folios span several blocks.
constexpr std::size_t block = 64 * 1024;
constexpr std::size_t folio = std::size_t{2} << 20;
constexpr std::size_t page = 4096;

class DropBehindTest : public ::testing::TestWithParam<ReadMode> {
 protected:
  static constexpr std::size_t size = 8 * folio + 1234;

  DropBehindTest() {
    test::write_random_file(path(), size, 1);
    fd_ = UniqueFd(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::fdatasync(fd_.get()), 0);  // dirty pages cannot be dropped
  }

  std::string path() const { return dir_ / "data.bin"; }
  OpenedSource open() const { return open_source(path(), GetParam(), block).value(); }

  static void read_all(const Source& source) {
    for (std::size_t offset = 0; offset < size; offset += block)
      ASSERT_TRUE(read_range(source, offset, std::min(block, size - offset)));
  }

  /// The number of pages that may stay: sometimes the kernel is using a page when it is told to
  /// drop it, and keeps its folio. Without dropping, all pages would stay.
  static constexpr std::size_t most = size / page / 2;

  /// Returns the number of pages of the file in the page cache.
  std::size_t resident() const {
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd_.get(), 0);
    EXPECT_NE(mapped, MAP_FAILED);
    std::vector<unsigned char> pages((size + page - 1) / page);
    EXPECT_EQ(::mincore(mapped, size, pages.data()), 0);
    ::munmap(mapped, size);
    return static_cast<std::size_t>(
        std::ranges::count_if(pages, [](unsigned char state) { return (state & 1) != 0; }));
  }
  void cool() const { ASSERT_EQ(::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED), 0); }
  /// Files on a file system in memory are always in the page cache.
  bool on_a_disk() const {
    struct statfs facts {};
    EXPECT_EQ(::fstatfs(fd_.get(), &facts), 0);
    return facts.f_type != TMPFS_MAGIC;
  }

 private:
  const test::TempDir dir_;
  UniqueFd fd_;
};

INSTANTIATE_TEST_SUITE_P(Both, DropBehindTest,
                         ::testing::Values(ReadMode::buffered, ReadMode::mmap),
                         [](const auto& test) { return to_string(test.param); });

TEST_P(DropBehindTest, ColdFileStaysCold) {
  cool();
  {
    const OpenedSource opened = open();
    read_all(*opened.source);
    if (on_a_disk()) {
      EXPECT_THAT(opened.reason, HasSubstr("dropped from the cache after reading"));
      EXPECT_LT(resident(), most) << "while it is still open";
    }
  }
  if (on_a_disk()) {
    EXPECT_LT(resident(), most);
  }
}

TEST_P(DropBehindTest, CachedFileStaysCached) {
  const std::size_t before = resident();  // it was just written
  EXPECT_EQ(before, (size + page - 1) / page);
  {
    const OpenedSource opened = open();
    if (on_a_disk()) {  // some tmpfs do not report cached pages
      EXPECT_THAT(opened.reason, HasSubstr("stay cached after reading"));
    }
    read_all(*opened.source);
  }
  EXPECT_EQ(resident(), before);
}

// The calls to the kernel, on every file system.
TEST_P(DropBehindTest, DropsEachRangeAsItIsRead) {
  using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  const WithFaults faults({.cached_percent = 10});
  {
    const auto source = open().source;
    ASSERT_TRUE(read_range(*source, 0, block));
    ASSERT_TRUE(read_range(*source, folio - block, block));  // the last block in its folio
    ASSERT_TRUE(read_range(*source, 8 * folio, 1234));
    EXPECT_EQ(faults.dropped(), (Ranges{{0, block}, {0, folio}, {8 * folio, 1234}}));
  }
  EXPECT_EQ(faults.dropped().back(), (std::pair<std::uint64_t, std::uint64_t>{0, 0}));
}

TEST_P(DropBehindTest, DropsNothingOfMostlyCachedFile) {
  const WithFaults faults({.cached_percent = 60});
  read_all(*open().source);
  EXPECT_TRUE(faults.dropped().empty());
}

TEST(DropBehind, DirectSourceDropsNothing) {
  const test::TempDir dir;
  test::write_random_file(dir / "data.bin", 4 * block, 1);
  const WithFaults faults({.sector = 512, .cached_percent = 0});
  const OpenedSource opened = open_source(dir / "data.bin", ReadMode::direct, block).value();
  ASSERT_TRUE(read_range(*opened.source, 0, block));
  EXPECT_TRUE(faults.dropped().empty());
}

}  // namespace
}  // namespace sluice::drop_behind_test
