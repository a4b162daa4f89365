#include "io/page_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/local_file.h"
#include "tests/io/faults.h"
#include "tests/support/temp_dir.h"

namespace sluice::page_cache_test {
namespace {

CacheSample sample(std::size_t size, const test::Faults& wanted) {
  const test::TempDir dir;
  test::write_file(dir / "data.bin", test::random_bytes(size, 1));
  const LocalFile file = open_local_file(dir / "data.bin").value();
  const test::WithFaults faults(wanted);
  return sample_page_cache(file.fd.get(), size);
}

TEST(PageCache, CountsCachedPages) {
  constexpr std::size_t size = 256 * 4096;
  EXPECT_EQ(sample(size, {.cached_percent = 100}).cached, 64U);
  EXPECT_EQ(sample(size, {.cached_percent = 0}).cached, 0U);
  // The samples are spread over the whole file: a quarter of the file gets a quarter of them.
  EXPECT_EQ(sample(size, {.cached_percent = 25}).cached, 16U);
}

TEST(PageCache, SamplesEachPageOfSmallFileOnce) {
  for (const std::size_t size : {1U, 4095U, 4096U, 4097U, 10000U, 63U * 4096U + 1U}) {
    SCOPED_TRACE(size);
    const CacheSample all = sample(size, {.cached_percent = 100});
    EXPECT_EQ(all.sampled, (size + 4095) / 4096);
    EXPECT_EQ(all.cached, all.sampled);  // a read beyond the end would return nothing
  }
}

// With fixed offsets, sampling would cache those pages, and a second sample would report a cold
// file as cached.
TEST(PageCache, SamplesOtherPagesEachTime) {
  const test::TempDir dir;
  constexpr std::size_t size = 16 << 20;
  test::write_random_file(dir / "data.bin", size, 1);
  const LocalFile file = open_local_file(dir / "data.bin").value();
  const auto places = [&] {
    const test::WithFaults faults({.cached_percent = 0});
    EXPECT_EQ(sample_page_cache(file.fd.get(), size).sampled, 64U);
    return faults.looked_at();
  };
  const std::vector<std::uint64_t> first = places();
  EXPECT_TRUE(std::ranges::is_sorted(first));
  EXPECT_NE(first, places());
}

TEST(PageCache, ReportsEmptyFileAsNotCached) {
  const CacheSample nothing = sample(0, {});
  EXPECT_EQ(nothing.sampled, 0U);
  EXPECT_FALSE(nothing.mostly_cached());
}

TEST(PageCache, ReportsNotCachedIfUnsupported) {
  EXPECT_EQ(sample_page_cache(-1, 1 << 20).sampled, 0U);
}

TEST(PageCache, MostlyIsMoreThanHalf) {
  EXPECT_TRUE((CacheSample{.sampled = 3, .cached = 2}).mostly_cached());
  EXPECT_FALSE((CacheSample{.sampled = 4, .cached = 2}).mostly_cached());
}

TEST(PageCache, ReportsWrittenFileAsCached) {
  const CacheSample fresh = sample(1 << 20, {});
  EXPECT_TRUE(fresh.sampled == 0 || fresh.mostly_cached())
      << fresh.cached << " of " << fresh.sampled;
}

}  // namespace
}  // namespace sluice::page_cache_test
