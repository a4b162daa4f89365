#include "engine/upload/file_opening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/journal/journal_entry.h"
#include "tests/support/temp_dir.h"

namespace sluice::file_opening_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t block = 4096;

class OpenFile : public testing::Test {
 protected:
  OpenFile() {
    request_.path = dir_ / "scan.h5";
    request_.read_mode = ReadMode::buffered;
    test::write_file(request_.path, "content");
  }

  Result<std::unique_ptr<Source>> open(bool for_journal = false) {
    return open_file(request_, {.block_bytes = block, .for_journal = for_journal, .log = log_});
  }
  void expect_error(ErrorKind kind, const std::string& message, bool for_journal = false) {
    const auto opened = open(for_journal);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, kind);
    EXPECT_THAT(opened.error().message, HasSubstr(message));
  }

  test::TempDir dir_;
  UploadRequest request_;
  std::vector<std::string> said_;
  Log log_ = [this](LogLevel, const std::string& text) { said_.push_back(text); };
};

TEST_F(OpenFile, LogsReadMode) {
  const auto opened = open(/*for_journal=*/true);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->identity().size, 7U);
  EXPECT_THAT(said_, ElementsAre(StartsWith(request_.path + ": ")));
}

TEST_F(OpenFile, RejectsMissingFile) {
  request_.path = dir_ / "none";
  expect_error(ErrorKind::local_file, "none");
  EXPECT_TRUE(said_.empty());
}

TEST_F(OpenFile, EscapesControlCharactersInError) {
  request_.path = dir_ / "no\x1bne";
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message.find('\x1b'), std::string::npos);
}

TEST_F(OpenFile, RejectsPathTooLongForJournal) {
  request_.path = "/" + std::string(max_journal_path, 'x');
  expect_error(ErrorKind::local_file, "move the file to a shorter path", /*for_journal=*/true);
}

TEST_F(OpenFile, RejectsFileWithTooManyBlocks) {
  constexpr std::uint64_t most_blocks = std::uint64_t{1} << 22;
  std::filesystem::resize_file(request_.path, (most_blocks + 1) * block);
  expect_error(ErrorKind::usage, "use --block 8192 or more");
  std::filesystem::resize_file(request_.path, most_blocks * block);
  EXPECT_TRUE(open());
}

}  // namespace
}  // namespace sluice::file_opening_test
