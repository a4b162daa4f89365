#include "io/file_time.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/temp_dir.h"

namespace sluice::file_time_test {
namespace {

TEST(FileTime, IsFormattedAsIso8601) {
  EXPECT_EQ(utc_time(FileTime{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(FileTime{1'770'091'506, 7}), "2026-02-03T04:05:06.000000007Z");
}

TEST(FileTime, IsRightBefore1970) {
  EXPECT_EQ(utc_time(FileTime{-1, 999'999'999}), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(utc_time(FileTime{-2'208'988'800, 0}), "1900-01-01T00:00:00Z");
}

/// 64 bits of nanoseconds overflow in 2262; file systems support later times.
TEST(FileTime, IsRightAfter2262) {
  EXPECT_EQ(utc_time(FileTime{9'223'372'036, 854'775'807}), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(utc_time(FileTime{9'223'372'036, 854'775'808}), "2262-04-11T23:47:16.854775808Z");
  EXPECT_EQ(utc_time(FileTime{15'032'385'535, 0}), "2446-05-10T22:38:55Z");  // the latest time of
                                                                             // ext4
  EXPECT_EQ(utc_time(FileTime{32'503'680'000, 0}), "3000-01-01T00:00:00Z");
}

TEST(FileTime, HasSignForYearsOutsideFourDigits) {
  EXPECT_EQ(utc_time(FileTime{253'402'300'799, 0}), "9999-12-31T23:59:59Z");
  EXPECT_EQ(utc_time(FileTime{253'402'300'800, 0}), "+10000-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(FileTime{-62'167'219'200, 0}), "0000-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(FileTime{-62'167'219'201, 0}), "-0001-12-31T23:59:59Z");
}

TEST(FileTime, IsSecondsCountForHugeYears) {
  EXPECT_EQ(utc_time(FileTime{std::numeric_limits<std::int64_t>::max(), 5}),
            "@9223372036854775807.000000005");
  EXPECT_EQ(utc_time(FileTime{std::numeric_limits<std::int64_t>::min(), 0}),
            "@-9223372036854775808");
}

TEST(FileTime, OrdersByTime) {
  EXPECT_LT((FileTime{-1, 999'999'999}), (FileTime{0, 0}));
  EXPECT_LT((FileTime{5, 1}), (FileTime{5, 2}));
}

TEST(FileTime, ReadsModificationTime) {
  const test::TempDir dir;
  test::write_file(dir / "data.bin", "one");
  const timespec times[2] = {{1, 0}, {-1234567, 89}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir / "data.bin").c_str(), times, 0), 0);
  struct stat facts {};
  ASSERT_EQ(::stat((dir / "data.bin").c_str(), &facts), 0);
  // A file system may store fewer digits.
  EXPECT_EQ(modified_at(facts).seconds, -1234567);
}

}  // namespace
}  // namespace sluice::file_time_test
