#include "io/long_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "io/local_file.h"
#include "io/unique_fd.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace sluice::long_path_test {
namespace {

class LongPath : public testing::Test {
 protected:
  /// Creates a file below `levels` directories with names of `name_bytes` bytes each.
  std::string make(int levels, std::size_t name_bytes) {
    const std::string name(name_bytes, 'd');
    std::string path = directory_.path();
    UniqueFd at(::open(path.c_str(), O_RDONLY | O_DIRECTORY));
    for (int i = 0; i < levels; ++i) {
      EXPECT_EQ(::mkdirat(at.get(), name.c_str(), 0700), 0);
      at = UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
      path += '/' + name;
    }
    const UniqueFd file(::openat(at.get(), "file", O_WRONLY | O_CREAT, 0600));
    EXPECT_EQ(::write(file.get(), "abc", 3), 3);
    return path + "/file";
  }
  ~LongPath() override {
    // std::filesystem::remove_all() needs a descriptor for each level.
    test::run(
        {.argv = {"rm", "-rf", directory_.path()}, .env = {}, .stdin_text = {}, .directory = {}});
  }

  test::TempDir directory_;
};

TEST_F(LongPath, OpensAndStatsPathsBeyondPathMax) {
  for (const auto& [levels, bytes] : {std::pair{3, 5}, std::pair{40, 255}, std::pair{300, 20}}) {
    const std::string path = make(levels, static_cast<std::size_t>(bytes));
    struct stat facts {};
    EXPECT_EQ(stat_long_path(path, facts), 0) << levels;
    EXPECT_EQ(facts.st_size, 3);
    EXPECT_EQ(stat_long_path(path + "x", facts), -1);
    EXPECT_EQ(errno, ENOENT);
    const Result<LocalFile> file = open_local_file(path);
    ASSERT_TRUE(file) << file.error().message.substr(0, 100);
    EXPECT_EQ(file->identity.size, 3U);
    EXPECT_TRUE(identity_at(path));
  }
}

// Pieces end at every position relative to a slash.
TEST_F(LongPath, SplitsAtAnySlash) {
  make(1, 1);
  const std::string last = directory_ / "d/file";
  for (std::size_t more = 0; more < 8; ++more) {
    std::string path = directory_.path();
    path.append(PATH_MAX - path.size() - 4 + more, '/');
    for (const std::string& middle :
         {std::string("d/"), std::string("d//./"), std::string("././d/")}) {
      struct stat facts {};
      EXPECT_EQ(stat_long_path(path + middle + "file", facts), 0) << more << middle;
      EXPECT_EQ(facts.st_size, 3);
    }
    const UniqueFd directory(open_long_path(path + "d" + std::string(PATH_MAX, '/'), O_RDONLY));
    EXPECT_TRUE(directory) << more;
  }
}

TEST_F(LongPath, RejectsTooLongComponent) {
  struct stat facts {};
  EXPECT_EQ(stat_long_path(directory_ / std::string(10'000, 'x'), facts), -1);
  EXPECT_EQ(errno, ENAMETOOLONG);
  EXPECT_EQ(stat_long_path(std::string(10'000, 'x') + "/y", facts), -1);
  EXPECT_EQ(errno, ENAMETOOLONG);
}

}  // namespace
}  // namespace sluice::long_path_test
