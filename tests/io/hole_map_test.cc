#include "io/hole_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "io/local_file.h"
#include "tests/io/faults.h"
#include "tests/io/sparse_file.h"
#include "tests/support/temp_dir.h"

namespace sluice::hole_map_test {
namespace {

using test::WithFaults;

// Much larger than the blocks of any file system, so that holes are exactly where they were made.
constexpr std::size_t unit = std::size_t{1} << 20;

class HoleMapTest : public ::testing::Test {
 protected:
  void make(std::size_t size, const std::vector<test::Run>& runs) {
    test::write_sparse_file(dir_ / "data.bin", size, runs, 1);
    file_ = open_local_file(dir_ / "data.bin").value();
  }
  int fd() const { return file_.fd.get(); }

  const test::TempDir dir_;
  LocalFile file_;
};

TEST_F(HoleMapTest, DistinguishesHolesFromData) {
  make(5 * unit, {{unit, 2 * unit}, {4 * unit, 5 * unit}});
  HoleMap holes(fd());
  EXPECT_TRUE(holes.covers(0, unit));
  EXPECT_TRUE(holes.covers(100, unit - 100));
  EXPECT_FALSE(holes.covers(0, unit + 1));  // includes a byte of data
  EXPECT_FALSE(holes.covers(unit, unit));
  EXPECT_FALSE(holes.covers(2 * unit - 1, 2));
  EXPECT_TRUE(holes.covers(2 * unit, 2 * unit));
  EXPECT_FALSE(holes.covers(2 * unit, 2 * unit + 1));
  EXPECT_FALSE(holes.covers(4 * unit, unit));
  EXPECT_TRUE(holes.covers(3 * unit + 5, 1));  // an earlier extent
}

TEST_F(HoleMapTest, FindsHoleAtEnd) {
  make(4 * unit + 3, {{0, unit}});
  HoleMap holes(fd());
  EXPECT_FALSE(holes.covers(0, unit));
  EXPECT_TRUE(holes.covers(unit, 3 * unit + 3));
  EXPECT_TRUE(holes.covers(4 * unit, 3));
}

TEST_F(HoleMapTest, AsksOnceForFileWithoutHoles) {
  make(64 * unit, {{0, 64 * unit}});
  const WithFaults faults({});
  HoleMap holes(fd());
  for (std::uint64_t at = 0; at < 64 * unit; at += unit) EXPECT_FALSE(holes.covers(at, unit));
  EXPECT_EQ(faults.hole_questions(), 1U);
}

TEST_F(HoleMapTest, AsksOncePerExtent) {
  make(64 * unit, {{0, 16 * unit}, {32 * unit, 40 * unit}});
  const WithFaults faults({});
  HoleMap holes(fd());
  unsigned in_holes = 0;
  for (std::uint64_t at = 0; at < 64 * unit; at += unit / 4) in_holes += holes.covers(at, unit / 4);
  EXPECT_EQ(in_holes, (16U + 24U) * 4U);
  EXPECT_EQ(faults.hole_questions(), 4U);
}

TEST_F(HoleMapTest, FindsNoHolesIfUnsupported) {
  make(8 * unit, {});
  const WithFaults faults({.tells_no_holes = true});
  HoleMap holes(fd());
  for (std::uint64_t at = 0; at < 8 * unit; at += unit) EXPECT_FALSE(holes.covers(at, unit));
  EXPECT_EQ(faults.hole_questions(), 1U);
}

TEST_F(HoleMapTest, FindsNoHolesBeyondTruncatedEnd) {
  make(8 * unit, {{0, unit}});
  HoleMap holes(fd());
  std::filesystem::resize_file(dir_ / "data.bin", unit);
  EXPECT_FALSE(holes.covers(2 * unit, unit));
}

TEST_F(HoleMapTest, WorksWithManyThreads) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::size_t units = 32;
  std::vector<bool> data(units);
  std::vector<test::Run> runs;
  for (std::size_t i = 0; i < units; ++i) {
    data[i] = random() % 2 == 0;
    if (data[i]) runs.push_back({i * unit, (i + 1) * unit});
  }
  make(units * unit, runs);
  HoleMap holes(fd());
  std::vector<std::jthread> threads;
  for (unsigned id = 0; id < 4; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 places(seed + id);
      for (int i = 0; i < 2000; ++i) {
        const std::size_t at = places() % (units * unit);
        const std::size_t length = 1 + places() % std::min(units * unit - at, 4 * unit);
        bool hole = true;
        for (std::size_t j = at / unit; j <= (at + length - 1) / unit; ++j) hole = hole && !data[j];
        ASSERT_EQ(holes.covers(at, length), hole) << at << " + " << length;
      }
    });
  }
}

}  // namespace
}  // namespace sluice::hole_map_test
