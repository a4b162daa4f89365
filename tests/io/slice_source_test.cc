#include "io/slice_source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "io/buffer_pool.h"
#include "io/open_source.h"
#include "tests/support/temp_dir.h"

namespace sluice::slice_source_test {
namespace {

TEST(SliceSource, ReadsItsRange) {
  const test::TempDir dir;
  const std::string content = test::random_bytes(3 * 4096 + 77, 5);
  test::write_file(dir / "file", content);
  const auto pool = *BufferPool::create(16384, 1);
  for (const ReadMode mode : {ReadMode::direct, ReadMode::mmap, ReadMode::buffered}) {
    const auto opened = open_source(dir / "file", mode, 4096);
    ASSERT_TRUE(opened);
    const SliceSource slice(*opened->source, 4096, content.size() - 4096);
    EXPECT_EQ(slice.identity().size, content.size() - 4096);
    EXPECT_EQ(slice.identity().inode, opened->source->identity().inode);
    EXPECT_EQ(slice.mode(), opened->source->mode());
    const Buffer buffer = pool->try_acquire();
    const auto got = slice.read(4096, 4096 + 77, buffer.memory());
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(got->data()), got->size()),
              std::string_view(content).substr(8192));
  }
}

TEST(SliceSource, DetectsAnyChangeOfTheFile) {
  const test::TempDir dir;
  test::write_file(dir / "file", test::random_bytes(3 * 4096, 5));
  const auto opened = open_source(dir / "file", ReadMode::buffered, 4096);
  ASSERT_TRUE(opened);
  const SliceSource slice(*opened->source, 0, 4096);
  auto now = slice.identity_now();
  ASSERT_TRUE(now);
  EXPECT_EQ(*now, slice.identity());
  std::filesystem::resize_file(dir / "file", 3 * 4096 + 1);  // beyond the slice
  now = slice.identity_now();
  ASSERT_TRUE(now);
  EXPECT_NE(*now, slice.identity());
}

}  // namespace
}  // namespace sluice::slice_source_test
