#include "tools/sluice/process/open_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "io/unique_fd.h"

namespace sluice::cli::open_files_test {
namespace {

TEST(OpenFilesTest, LimitsTransfersByDescriptors) {
  EXPECT_EQ(transfers_within({.limit = 1024, .open = 3}, 64).value(), 64U);
  EXPECT_EQ(transfers_within({.limit = 1024, .open = 3}, 4).value(), 4U);
  EXPECT_EQ(transfers_within({.limit = 100, .open = 3}, 64).value(), 21U);
  EXPECT_EQ(transfers_within({.limit = 100, .open = 83}, 64).value(), 1U);
  EXPECT_EQ(transfers_within({.limit = 30, .open = 3}, 64).value(), 3U);
  EXPECT_EQ(transfers_within({.limit = 30, .open = 3}, 2).value(), 2U);
  EXPECT_EQ(transfers_within({.limit = 13, .open = 3}, 64).value(), 1U);
}

TEST(OpenFilesTest, RejectsTooLowLimit) {
  const auto none = transfers_within({.limit = 12, .open = 3}, 64);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::failed);
  EXPECT_NE(none.error().message.find("raise the limit to 13"), std::string::npos)
      << none.error().message;
  EXPECT_FALSE(transfers_within({.limit = 0, .open = 3}, 1));
}

TEST(OpenFilesTest, CountsOpenFiles) {
  const OpenFiles before = open_files();
  EXPECT_GE(before.open, 3U);
  const UniqueFd another(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(open_files().open, before.open + 1);
}

TEST(OpenFilesTest, RaisesSoftLimit) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_max, 64);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  raise_open_files_limit();
  EXPECT_EQ(open_files().limit, std::min<rlim_t>(before.rlim_max, 8192));
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace sluice::cli::open_files_test
