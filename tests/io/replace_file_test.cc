#include "io/replace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace sluice::replace_file_test {
namespace {

using testing::HasSubstr;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat facts {};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0);
  return facts.st_mode & 07777;
}

class ReplaceFile : public testing::Test {
 protected:
  ReplaceFile() : umask_(::umask(022)) {}
  ~ReplaceFile() override { ::umask(umask_); }

  std::size_t files() {
    const std::filesystem::directory_iterator all(directory_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  test::TempDir directory_;
  const std::string path_ = directory_ / "receipt";

 private:
  const mode_t umask_;
};

TEST_F(ReplaceFile, CreatesAndReplacesFile) {
  ASSERT_TRUE(write_whole_file(path_, "one", 0644));
  EXPECT_EQ(test::read_file(path_), "one");
  EXPECT_EQ(mode_of(path_), 0644U);
  ASSERT_TRUE(write_whole_file(path_, "", 0666));
  EXPECT_EQ(test::read_file(path_), "");
  EXPECT_EQ(mode_of(path_), 0644U) << "less the umask";
  ASSERT_TRUE(write_whole_file(path_, "three", 0600));
  EXPECT_EQ(mode_of(path_), 0600U);
  EXPECT_EQ(files(), 1U) << "nothing else is left";
}

TEST_F(ReplaceFile, KeepsOldFileForOpenDescriptors) {
  ASSERT_TRUE(write_whole_file(path_, "old and longer", 0644));
  std::ifstream reader(path_);
  ASSERT_TRUE(write_whole_file(path_, "new", 0644));
  std::string text;
  std::getline(reader, text);
  EXPECT_EQ(text, "old and longer");
}

TEST_F(ReplaceFile, AcceptsNameOfMaximumLength) {
  const std::string longest = directory_ / std::string(255, 'x');
  EXPECT_TRUE(write_whole_file(longest, "text", 0644));
  EXPECT_EQ(test::read_file(longest), "text");
}

TEST_F(ReplaceFile, WritesInWorkingDirectory) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory_.path());
  const auto written = write_whole_file("receipt", "text", 0644);
  std::filesystem::current_path(before);
  EXPECT_TRUE(written);
  EXPECT_EQ(test::read_file(path_), "text");
}

TEST_F(ReplaceFile, ReportsErrorsAndLeavesNothing) {
  const std::string nowhere = directory_ / "no" / "where";
  const auto written = write_whole_file(nowhere, "text", 0644);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::local_file);
  EXPECT_EQ(written.error().code, ENOENT);
  EXPECT_THAT(written.error().message, HasSubstr("cannot write " + nowhere + ": No such file"));
  EXPECT_FALSE(append_to_file(nowhere, "text"));

  std::filesystem::create_directory(path_);
  EXPECT_FALSE(write_whole_file(path_, "text", 0644));
  EXPECT_FALSE(append_to_file(path_, "text"));
  EXPECT_EQ(files(), 1U);

  const auto full = append_to_file("/dev/full", "text");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ENOSPC);
  EXPECT_THAT(full.error().message, HasSubstr("/dev/full: No space left on device; free space"));
}

TEST_F(ReplaceFile, AppendsAtomically) {
  constexpr int writers = 4, lines = 20;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writers; ++writer)
    threads.emplace_back([&, writer] {
      const std::string line(200, static_cast<char>('a' + writer));
      for (int i = 0; i < lines; ++i) EXPECT_TRUE(append_to_file(path_, line + '\n'));
    });
  for (std::thread& thread : threads) thread.join();
  std::ifstream file(path_);
  int count = 0;
  for (std::string line; std::getline(file, line); ++count)
    EXPECT_EQ(line, std::string(200, line.at(0)));
  EXPECT_EQ(count, writers * lines);
}

}  // namespace
}  // namespace sluice::replace_file_test
