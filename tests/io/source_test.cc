// Tests the contract in io/source.h for every source, on a disk and in memory, and with simulated
// kernels that fail.
#include "io/source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "io/open_source.h"
#include "tests/io/faults.h"
#include "tests/io/read_range.h"
#include "tests/support/temp_dir.h"

namespace sluice::source_test {
namespace {

using test::read_range;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::size_t block = 64 * 1024;

/// A read mode, the faults of the kernel, and the resulting mode.
struct Way {
  const char* name;
  ReadMode asked;
  std::optional<ReadMode>
      taken;  ///< empty: direct or buffered, depending on the file and the page cache
  test::Faults faults;
};

// 5000: ends inside a sector, so that a direct read must continue at the beginning of that sector.
const test::Faults stutter{.longest_read = 5000, .interrupt_every = 3};

const Way ways[] = {
    {"direct", ReadMode::direct, ReadMode::direct, {}},
    {"direct_stutter", ReadMode::direct, ReadMode::direct, stutter},
    {"direct_4k_sectors",
     ReadMode::direct,
     ReadMode::direct,
     {.longest_read = 10000, .sector = 4096}},
    {"direct_unknown_sectors", ReadMode::direct, ReadMode::direct, {.tells_no_sector = true}},
    {"direct_refused", ReadMode::direct, ReadMode::buffered, {.refuses_direct_flag = true}},
    {"direct_refused_late", ReadMode::direct, ReadMode::buffered, {.refuses_direct_reads = true}},
    {"direct_tail_refused", ReadMode::direct, {}, {.refuses_direct_tail = true}},
    {"mmap", ReadMode::mmap, ReadMode::mmap, {}},
    {"buffered", ReadMode::buffered, ReadMode::buffered, {}},
    {"buffered_stutter", ReadMode::buffered, ReadMode::buffered, stutter},
    {"automatic", ReadMode::automatic, std::nullopt, {}},
};

struct Place {
  const char* name;
  const char* directory;  ///< empty: the directory for temporary files, usually on a disk
};

// Prints parameters in the names of tests.
void PrintTo(const Way& way, std::ostream* out) {
  *out << way.name;
}
void PrintTo(const Place& place, std::ostream* out) {
  *out << place.name;
}
const Place places[] = {{"disk", ""}, {"tmpfs", "/dev/shm"}};

class SourceTest : public ::testing::TestWithParam<std::tuple<Way, Place>> {
 protected:
  const Way& way() const { return std::get<0>(GetParam()); }
  std::string path() const { return dir_ / "data.bin"; }

  std::unique_ptr<Source> open() const {
    auto opened = open_source(path(), way().asked, block);
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      std::abort();
    }
    EXPECT_FALSE(opened->reason.empty());
    EXPECT_EQ(opened->fell_back,
              way().asked != ReadMode::automatic && way().asked != opened->source->mode());
    EXPECT_EQ(opened->source->mode(), way().taken.value_or(opened->source->mode()))
        << opened->reason;
    EXPECT_NE(opened->source->mode(), ReadMode::automatic);
    return std::move(opened->source);
  }

  std::unique_ptr<Source> open_with(const std::string& content) const {
    test::write_file(path(), content);
    return open();
  }

  void expect_whole(const std::string& content) const {
    const auto source = open_with(content);
    EXPECT_EQ(source->identity().size, content.size());
    for (std::size_t offset = 0; offset < content.size(); offset += block) {
      const std::size_t length = std::min(block, content.size() - offset);
      EXPECT_LE(source->memory_for(offset, length), block);  // blocks must fit into the pool's
                                                             // buffers
      const auto bytes = read_range(*source, offset, length);
      ASSERT_TRUE(bytes) << bytes.error().message;
      EXPECT_TRUE(*bytes == content.substr(offset, length)) << "at offset " << offset;
    }
  }

 private:
  const test::TempDir dir_{std::get<1>(GetParam()).directory};
  const test::WithFaults faults_{way().faults};
};

INSTANTIATE_TEST_SUITE_P(Every, SourceTest,
                         ::testing::Combine(::testing::ValuesIn(ways), ::testing::ValuesIn(places)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param).name) + "_" +
                                  std::get<1>(test.param).name;
                         });

TEST_P(SourceTest, ReadsBlocksAndShortTail) {
  expect_whole(test::random_bytes(5 * block + 1234, 1));
}

TEST_P(SourceTest, ReadsSizesAroundBlockBoundary) {
  for (const std::size_t size :
       {block - 1, block, block + 1, 3 * block - 1, 3 * block, 3 * block + 1}) {
    SCOPED_TRACE(size);
    expect_whole(test::random_bytes(size, size));
  }
}

TEST_P(SourceTest, ReadsFilesSmallerThanSectorAndPage) {
  for (const std::size_t size : {1U, 511U, 512U, 513U, 4095U, 4096U, 4097U}) {
    SCOPED_TRACE(size);
    expect_whole(test::random_bytes(size, size));
  }
}

TEST_P(SourceTest, OpensEmptyFile) {
  const auto source = open_with("");
  EXPECT_EQ(source->identity().size, 0U);
  EXPECT_EQ(read_range(*source, 0, 0).value(), "");
}

TEST_P(SourceTest, ReadsEmptyRanges) {
  const auto source = open_with(test::random_bytes(5000, 2));
  for (const std::uint64_t offset : {0U, 1U, 512U, 4999U, 5000U}) {
    EXPECT_EQ(read_range(*source, offset, 0).value(), "");
  }
}

TEST_P(SourceTest, ReadsAnyRange) {
  const std::string content = test::random_bytes(3 * block + 777, 3);
  const auto source = open_with(content);
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 200; ++i) {
    const std::size_t offset = random() % content.size();
    const std::size_t most = content.size() - offset;
    // Half of them short: rounding errors occur if both ends are in one sector.
    const std::size_t length =
        1 + random() % (i % 2 == 0 ? most : std::min<std::size_t>(most, 600));
    const auto bytes = read_range(*source, offset, length);
    ASSERT_TRUE(bytes) << bytes.error().message;
    ASSERT_TRUE(*bytes == content.substr(offset, length)) << offset << " + " << length;
  }
}

TEST_P(SourceTest, ReadsOnSeveralThreads) {
  const std::string content = test::random_bytes(16 * block + 99, 4);
  const auto source = open_with(content);
  std::vector<std::jthread> threads;
  for (unsigned id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 random(id);
      for (int i = 0; i < 60; ++i) {
        const std::size_t offset = random() % content.size();
        const std::size_t length = 1 + random() % std::min(block, content.size() - offset);
        const auto bytes = read_range(*source, offset, length);
        ASSERT_TRUE(bytes) << bytes.error().message;
        EXPECT_TRUE(*bytes == content.substr(offset, length)) << offset << " + " << length;
      }
    });
  }
}

TEST_P(SourceTest, ReportsTruncatedFile) {
  const std::string content = test::random_bytes(4 * block, 5);
  // Truncated at a block, inside a page and inside a sector: a mapping has zeros after the last
  // two.
  for (const std::size_t left : {block, block + 4096, block + 1000, std::size_t{0}}) {
    SCOPED_TRACE(left);
    const auto source = open_with(content);
    EXPECT_TRUE(read_range(*source, block, block));
    ASSERT_EQ(::truncate(path().c_str(), static_cast<off_t>(left)), 0);

    const auto behind = read_range(*source, 2 * block, block);
    ASSERT_FALSE(behind);
    EXPECT_EQ(behind.error().kind, ErrorKind::local_file);
    EXPECT_THAT(behind.error().message,
                AllOf(HasSubstr(path()), HasSubstr("shrank to " + std::to_string(left) + " bytes"),
                      HasSubstr("offset " + std::to_string(2 * block))));
    const auto across = read_range(*source, block, block);
    ASSERT_FALSE(across);
    EXPECT_THAT(across.error().message, HasSubstr("shrank"));
    // The remaining bytes may still be read.
    const std::size_t rest = std::min(left, block);
    EXPECT_TRUE(read_range(*source, 0, rest).value() == content.substr(0, rest));
  }
}

TEST_P(SourceTest, ReportsTruncationToConcurrentReaders) {
  constexpr unsigned readers = 4;
  const std::string content = test::random_bytes(32 * block, 6);
  for (int round = 0; round < 5; ++round) {
    const auto source = open_with(content);
    std::barrier everybody_has_read(readers + 1);
    std::vector<std::jthread> threads;
    for (unsigned id = 0; id < readers; ++id) {
      threads.emplace_back([&, id] {
        std::mt19937 random(id);
        for (bool first = true;; first = false) {
          const std::size_t offset = random() % 31 * block + random() % block;
          const auto bytes = read_range(*source, offset, block);
          if (first) everybody_has_read.arrive_and_drop();
          if (!bytes) {
            EXPECT_THAT(bytes.error().message, HasSubstr("shrank"));
            return;
          }
          // Zeros instead of the truncated bytes would be detected here.
          ASSERT_TRUE(*bytes == content.substr(offset, block)) << "at offset " << offset;
        }
      });
    }
    everybody_has_read.arrive_and_wait();
    ASSERT_EQ(::truncate(path().c_str(), static_cast<off_t>(3 * block + 100)), 0);
  }
}

TEST_P(SourceTest, ReadsDeletedFile) {
  const std::string content = test::random_bytes(block + 5, 7);
  const auto source = open_with(content);
  std::filesystem::remove(path());
  EXPECT_TRUE(read_range(*source, 0, content.size()).value() == content);
  EXPECT_EQ(source->identity_now().value(), source->identity());
}

TEST_P(SourceTest, ReadsReplacedFileUnchanged) {
  const std::string content = test::random_bytes(block, 8);
  const auto source = open_with(content);
  test::write_file(path() + ".new", test::random_bytes(block, 9));
  std::filesystem::rename(path() + ".new", path());
  EXPECT_TRUE(read_range(*source, 0, content.size()).value() == content);
}

TEST_P(SourceTest, ReturnsIdentityAndDetectsChange) {
  const auto source = open_with(test::random_bytes(1000, 10));
  struct stat facts {};
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_EQ(source->path(), path());
  EXPECT_EQ(source->identity().inode, facts.st_ino);
  EXPECT_EQ(source->identity_now().value(), source->identity());
  ASSERT_EQ(::truncate(path().c_str(), 1001), 0);
  EXPECT_EQ(source->identity_now().value().size, 1001U);
  EXPECT_EQ(source->identity().size, 1000U);
}

TEST_P(SourceTest, ReadsHoleAsZeros) {
  test::write_file(path(), "");
  std::filesystem::resize_file(path(), 3 * block);
  EXPECT_TRUE(read_range(*open(), 0, 3 * block).value() == std::string(3 * block, '\0'));
}

TEST(ReadMode, HasNamesOfCommandLine) {
  EXPECT_STREQ(to_string(ReadMode::automatic), "auto");
  EXPECT_STREQ(to_string(ReadMode::direct), "direct");
  EXPECT_STREQ(to_string(ReadMode::mmap), "mmap");
  EXPECT_STREQ(to_string(ReadMode::buffered), "buffered");
}

}  // namespace
}  // namespace sluice::source_test
