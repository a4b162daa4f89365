// Sources do not read holes, and still return the right bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "io/open_source.h"
#include "tests/io/faults.h"
#include "tests/io/read_range.h"
#include "tests/io/sparse_file.h"
#include "tests/support/temp_dir.h"

namespace sluice::holes_test {
namespace {

using test::read_range;
using test::WithFaults;

constexpr std::size_t unit = std::size_t{1} << 20;
// The memory is not zero before the read, so that missing zeros are detected.
constexpr std::byte used{0xa5};

/// Every read fails.
constexpr test::Faults nothing_readable{.bad_at = 0, .refuses_mapping = true};

class HolesTest : public ::testing::TestWithParam<ReadMode> {
 protected:
  std::unique_ptr<Source> open(std::size_t block = unit) const {
    return open_source(path(), GetParam(), block).value().source;
  }
  std::string path() const { return dir_ / "data.bin"; }

 private:
  const test::TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(Every, HolesTest,
                         ::testing::Values(ReadMode::direct, ReadMode::mmap, ReadMode::buffered,
                                           ReadMode::automatic),
                         [](const auto& test) { return to_string(test.param); });

TEST_P(HolesTest, AreNotReadFromDisk) {
  test::write_sparse_file(path(), 6 * unit + 777, {{2 * unit, 3 * unit}}, 1);
  const auto source = open();
  const WithFaults faults(nothing_readable);
  EXPECT_TRUE(read_range(*source, 0, unit).value() == std::string(unit, '\0'));
  EXPECT_TRUE(read_range(*source, 100, 2 * unit - 100).value() ==
              std::string(2 * unit - 100, '\0'));
  EXPECT_FALSE(read_range(*source, 2 * unit, unit));      // data
  EXPECT_FALSE(read_range(*source, 2 * unit - 1, unit));  // partly data
  EXPECT_TRUE(read_range(*source, 3 * unit, 2 * unit).value() == std::string(2 * unit, '\0'));
  EXPECT_TRUE(read_range(*source, 6 * unit, 777).value() == std::string(777, '\0'));
}

TEST_P(HolesTest, AreZerosInUsedMemory) {
  test::write_sparse_file(path(), 2 * unit + 5, {{0, unit}}, 1);
  const auto source = open();
  const auto pool = BufferPool::create(unit, 1).value();
  const Buffer buffer = pool->try_acquire();
  for (const auto& [offset, length] : {std::pair{unit, unit}, {2 * unit, std::size_t{5}}}) {
    std::ranges::fill(buffer.memory(), used);
    const auto bytes = source->read(offset, length, buffer.memory());
    ASSERT_TRUE(bytes);
    EXPECT_EQ(bytes->size(), length);
    EXPECT_TRUE(std::ranges::all_of(*bytes, [](std::byte byte) { return byte == std::byte{0}; }));
  }
}

TEST_P(HolesTest, AreReadIfUnsupported) {
  test::write_sparse_file(path(), 2 * unit, {}, 1);
  const auto source = open();
  const WithFaults faults({.bad_at = 0, .refuses_mapping = true, .tells_no_holes = true});
  EXPECT_FALSE(read_range(*source, 0, unit));
}

TEST_P(HolesTest, TruncatedHoleIsAnError) {
  test::write_sparse_file(path(), 4 * unit, {{0, unit}}, 1);
  const auto source = open();
  EXPECT_TRUE(read_range(*source, unit, unit));  // now the hole is cached
  std::filesystem::resize_file(path(), 2 * unit + 1);
  const auto bytes = read_range(*source, 2 * unit, unit);
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().message.find("shrank"), std::string::npos) << bytes.error().message;
}

// Ranges of data with arbitrary bounds, in blocks of several sizes.
TEST_P(HolesTest, KeepEveryByte) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 3; ++round) {
    const std::size_t size = 2 * unit + random() % unit;
    std::vector<test::Run> runs;
    for (std::size_t at = random() % unit; at < size; at += random() % (unit / 2)) {
      const std::size_t end = std::min(size, at + 1 + random() % (unit / 2));
      runs.push_back({at, end});
      at = end;
    }
    const std::string content = test::write_sparse_file(path(), size, runs, random());
    for (const std::size_t block : {std::size_t{3 * 4096}, unit / 4, unit}) {
      const auto source = open(block);
      for (std::size_t offset = 0; offset < size; offset += block) {
        const std::size_t length = std::min(block, size - offset);
        const auto bytes = read_range(*source, offset, length);
        ASSERT_TRUE(bytes) << bytes.error().message;
        ASSERT_TRUE(*bytes == content.substr(offset, length)) << offset << " + " << length;
      }
    }
    const auto source = open();
    for (int i = 0; i < 50; ++i) {
      const std::size_t offset = random() % size;
      const std::size_t length = 1 + random() % (size - offset);
      ASSERT_TRUE(read_range(*source, offset, length).value() == content.substr(offset, length))
          << offset << " + " << length;
    }
  }
}

}  // namespace
}  // namespace sluice::holes_test
