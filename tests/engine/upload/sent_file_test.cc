#include "engine/upload/sent_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "engine/base/block.h"
#include "engine/digest/evp_digest.h"
#include "engine/digest/xxh128_state.h"
#include "io/local_file.h"
#include "io/open_source.h"
#include "tests/engine/test_source.h"
#include "tests/support/temp_dir.h"

namespace sluice::sent_file_test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t block_bytes = 4096;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Whether `result` is true and no error.
bool is_true(const Result<bool>& result) {
  return result && *result;
}
/// Whether `result` is false: the file is being read.
bool is_not_known(const Result<bool>& result) {
  return result && !*result;
}

class SentFileTest : public testing::Test {
 protected:
  SentFileTest() { test::write_file(path_, content_); }

  /// Adds the first `blocks` blocks to the digest, as the upload does.
  void add_blocks(std::uint64_t blocks = ~std::uint64_t{0}) {
    for (std::uint64_t number = 0; number < std::min<std::uint64_t>(blocks, 4); ++number) {
      const std::uint64_t offset = number * block_bytes;
      Block block;
      block.number = number;
      block.offset = offset;
      block.bytes = bytes_of(content_).subspan(
          offset, std::min<std::size_t>(block_bytes, content_.size() - offset));
      block.checksum = block_checksum(block.bytes);
      ASSERT_TRUE(digest_.add(block));
    }
  }
  std::vector<std::uint64_t> checksums() const {
    std::vector<std::uint64_t> all;
    for (std::size_t offset = 0; offset < content_.size(); offset += block_bytes)
      all.push_back(block_checksum(bytes_of(content_).subspan(
          offset, std::min<std::size_t>(block_bytes, content_.size() - offset))));
    return all;
  }
  SentFile::Setting setting() { return setting_for(*source()); }
  SentFile::Setting setting_for(const Source& source) {
    return {.name = "scan.h5",
            .source = source,
            .workers = workers_,
            .digest = digest_,
            .block_bytes = block_bytes,
            .read_mode = ReadMode::buffered,
            .noted = source.identity(),
            .path = path_,
            .on_noted = [this](const FileIdentity& identity) { noted_.push_back(identity); },
            .on_read = [this] { read_.release(); },
            .log = [this](LogLevel, const std::string& line) { log_.push_back(line); }};
  }
  const Source* source() {
    if (!source_) source_ = std::move(open_source(path_, ReadMode::buffered, block_bytes)->source);
    return source_.get();
  }
  void wait_for_reading() { ASSERT_TRUE(read_.try_acquire_for(60s)); }
  /// Returns is_as_sent() after all readings that it needs.
  Result<bool> is_as_sent_after_reading(SentFile& file) {
    Result<bool> is = file.is_as_sent();
    while (is && !*is) {
      wait_for_reading();
      if (HasFatalFailure()) return is;
      is = file.is_as_sent();
    }
    return is;
  }
  void touch(std::time_t seconds) {
    const timespec times[2] = {{0, UTIME_OMIT}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  }
  /// Replaces the bytes and the time of the file, and keeps its inode.
  void overwrite(const std::string& content) {
    const FileIdentity before = *identity_at(path_);
    test::write_file(path_, content);
    touch(1'000'000'000);
    ASSERT_EQ(identity_at(path_)->inode, before.inode);
  }
  static void expect_error(const Result<bool>& result, const std::string& what) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::local_file);
    EXPECT_THAT(result.error().message, HasSubstr("cannot register scan.h5: "));
    EXPECT_THAT(result.error().message, HasSubstr(what));
    EXPECT_THAT(result.error().message, HasSubstr("nothing was registered"));
  }
  std::string digest_of_content(DigestKind kind) const {
    EvpDigest digest = *EvpDigest::create(kind);
    digest.update(bytes_of(content_));
    return digest.hex();
  }
  std::string xxh128() const {
    Xxh128State state;
    state.update(bytes_of(content_));
    return state.hex();
  }

  const test::TempDir directory_;
  const std::string path_ = directory_ / "scan.h5";
  const std::string content_ = test::random_bytes(3 * block_bytes + 17, 8);
  ChecksumWorkers workers_{1};
  FileDigest digest_{path_, content_.size()};
  std::unique_ptr<const Source> source_;
  std::counting_semaphore<> read_{0};
  std::vector<FileIdentity> noted_;
  std::vector<std::string> log_;
};

TEST_F(SentFileTest, UnchangedFileNeedsNoSecondReading) {
  add_blocks();
  SentFile file(setting());
  const auto is = file.is_as_sent();
  ASSERT_TRUE(is) << is.error().message;
  EXPECT_TRUE(*is);
  EXPECT_FALSE(file.is_reading());
  EXPECT_FALSE(file.was_read());
  EXPECT_FALSE(file.was_reopened());
  EXPECT_THAT(noted_, IsEmpty());
}

TEST_F(SentFileTest, RejectsReplacedFile) {
  add_blocks();
  SentFile file(setting());
  test::write_file(directory_ / "other", content_);
  std::filesystem::rename(directory_ / "other", path_);
  expect_error(file.is_as_sent(), "the path now names another file");
}

TEST_F(SentFileTest, RejectsDeletedFile) {
  add_blocks();
  SentFile file(setting());
  std::filesystem::remove(path_);
  const auto is = file.is_as_sent();
  expect_error(is, "deleted, renamed or moved");
  EXPECT_EQ(is.error().code, ENOENT);
}

TEST_F(SentFileTest, RejectsChangedSize) {
  add_blocks();
  SentFile file(setting());
  std::filesystem::resize_file(path_, content_.size() + 1);
  expect_error(file.is_as_sent(), "from 12305 to 12306 bytes");
  EXPECT_FALSE(file.was_reopened());
}

TEST_F(SentFileTest, AcceptsChangedTimeAfterReading) {
  add_blocks();
  SentFile file(setting());
  touch(1'000'000'000);
  const auto is = is_as_sent_after_reading(file);
  ASSERT_TRUE(is) << is.error().message;
  EXPECT_TRUE(file.was_reopened());
  EXPECT_TRUE(file.was_read());
  EXPECT_FALSE(file.failure());
  ASSERT_EQ(noted_.size(), 1U);
  EXPECT_EQ(noted_[0], *identity_at(path_));
  EXPECT_EQ(file.identity(), *identity_at(path_));
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_THAT(log_[0], HasSubstr("to 2001-09-09T01:46:40Z: reading the file again"));
  EXPECT_THAT(log_[1], HasSubstr("equals the bytes sent"));
  EXPECT_TRUE(is_true(file.is_as_sent())) << "without another reading";
  EXPECT_EQ(noted_.size(), 1U);
}

TEST_F(SentFileTest, RecordsIdentityUnknownToJournal) {
  add_blocks();
  for (const bool time : {true, false}) {
    SentFile::Setting other = setting();
    if (time)
      other.noted.modified.nanoseconds ^= 1;
    else
      other.noted.inode ^= 1;
    SentFile file(std::move(other));
    EXPECT_THAT(noted_, IsEmpty());
    EXPECT_TRUE(is_true(file.is_as_sent()));
    ASSERT_EQ(noted_.size(), 1U);
    EXPECT_EQ(noted_[0], source()->identity());
    file.note();
    EXPECT_EQ(noted_.size(), 1U);
    noted_.clear();
  }
}

TEST_F(SentFileTest, RejectsChangedBytes) {
  for (const std::size_t at : {std::size_t{0}, content_.size() - 1}) {
    test::write_file(path_, content_);
    source_.reset();
    digest_.start_over();
    add_blocks();
    SentFile file(setting());
    std::string other = content_;
    other[at] = static_cast<char>(other[at] ^ 1);
    overwrite(other);
    expect_error(is_as_sent_after_reading(file), "the file changed during the upload");
    EXPECT_THAT(noted_, IsEmpty());
  }
}

TEST_F(SentFileTest, ReadsAtMostThreeTimes) {
  add_blocks();
  SentFile file(setting());
  for (int times = 1; times <= 3; ++times) {
    touch(1'000'000'000 + times);
    const auto is = is_as_sent_after_reading(file);
    ASSERT_TRUE(is) << times << ": " << is.error().message;
  }
  EXPECT_EQ(noted_.size(), 3U);
  touch(1'000'000'004);
  expect_error(file.is_as_sent(), "modified repeatedly");
}

/// A descriptor that is open since before may not show what another machine wrote (NFS).
TEST_F(SentFileTest, OpensPathAgain) {
  add_blocks();
  const test::StringSource opened_before(content_, path_);
  SentFile file(setting_for(opened_before));
  std::string other = content_;
  other[0] = static_cast<char>(other[0] ^ 1);
  overwrite(other);
  expect_error(is_as_sent_after_reading(file), "the file changed during the upload");
}

TEST_F(SentFileTest, RereadsFileThatChangedDuringReading) {
  add_blocks();
  SentFile file(setting());
  touch(1'000'000'002);
  ASSERT_TRUE(file.is_as_sent());
  wait_for_reading();
  // After the reading, before is_as_sent() compares the identity.
  std::string other = content_;
  other[1] = static_cast<char>(other[1] ^ 1);
  overwrite(other);
  expect_error(is_as_sent_after_reading(file), "the file changed during the upload");
}

/// is_as_sent() starts another reading for a changed time.
TEST_F(SentFileTest, ChangedTimeBeforeReadingIsNoFailure) {
  add_blocks();
  SentFile file(setting());
  touch(1'000'000'000);
  ASSERT_TRUE(file.read_again(content_.size()));
  wait_for_reading();
  EXPECT_FALSE(file.failure());
  const auto is = is_as_sent_after_reading(file);
  ASSERT_TRUE(is) << is.error().message;
}

TEST_F(SentFileTest, ComparesChecksumsOfSecondReading) {
  add_blocks();
  std::vector<std::uint64_t> seen;
  bool equal = true;
  SentFile::Setting comparing = setting();
  comparing.keep_checksums = true;
  comparing.compare = [&](const FileCheck::Digests& checked) -> Result<void> {
    seen = checked.checksums;
    if (equal) return {};
    return Error{ErrorKind::local_file, "a block differs"};
  };
  SentFile file(std::move(comparing));
  ASSERT_TRUE(file.read_again(content_.size()));
  ASSERT_TRUE(is_as_sent_after_reading(file));
  EXPECT_EQ(seen, checksums());
  equal = false;
  const auto is = file.is_as_sent();
  ASSERT_FALSE(is);
  EXPECT_EQ(is.error().message, "a block differs");
}

TEST_F(SentFileTest, CompleteUploadHasDigestsWithoutReading) {
  add_blocks();
  SentFile file(setting());
  EXPECT_TRUE(is_true(file.has_digests()));
  EXPECT_FALSE(file.was_read());
  Report report;
  file.add_digests(report);
  EXPECT_EQ(report.xxh128, xxh128());
  EXPECT_EQ(report.md5, "") << "not requested";
}

TEST_F(SentFileTest, ReadsFileForMissingDigests) {
  add_blocks(2);  // an earlier run sent the rest
  SentFile::Setting more = setting();
  more.digests = {DigestKind::md5, DigestKind::sha256};
  SentFile file(std::move(more));
  Report report;
  file.add_digests(report);
  EXPECT_EQ(report.xxh128, "");
  ASSERT_TRUE(file.has_digests());
  wait_for_reading();
  EXPECT_TRUE(is_true(file.has_digests()));
  EXPECT_TRUE(is_true(file.is_as_sent()));
  file.add_digests(report);
  EXPECT_EQ(report.xxh128, xxh128());
  EXPECT_EQ(report.md5, digest_of_content(DigestKind::md5));
  EXPECT_EQ(report.sha256, digest_of_content(DigestKind::sha256));
}

TEST_F(SentFileTest, NeedsNoReadingWithoutExpectedDigests) {
  SentFile file(setting());
  EXPECT_TRUE(is_true(file.has_expected_digests()));
  EXPECT_FALSE(file.is_reading() || file.was_read());
}

TEST_F(SentFileTest, AcceptsExpectedDigests) {
  SentFile::Setting expecting = setting();
  expecting.digests = {DigestKind::md5};
  expecting.expected = {
      .xxh128 = xxh128(), .md5 = digest_of_content(DigestKind::md5), .sha256 = {}};
  SentFile file(std::move(expecting));
  ASSERT_TRUE(file.has_expected_digests());
  wait_for_reading();
  const auto has = file.has_expected_digests();
  ASSERT_TRUE(has) << has.error().message;
  EXPECT_TRUE(*has);
}

TEST_F(SentFileTest, RejectsUnexpectedDigest) {
  add_blocks();
  SentFile::Setting expecting = setting();
  expecting.expected.xxh128 = std::string(32, '0');
  SentFile file(std::move(expecting));
  const auto has = file.has_expected_digests();
  ASSERT_FALSE(has);
  EXPECT_EQ(has.error().kind, ErrorKind::integrity);
  EXPECT_THAT(has.error().message, HasSubstr(path_ + ": the xxh128 of the file is " + xxh128()));
}

TEST_F(SentFileTest, AcceptsEqualPrefixOfEarlierRun) {
  SentFile::Setting before = setting();
  before.sent_before = checksums();
  before.sent_before.resize(2);
  SentFile file(std::move(before));
  EXPECT_FALSE(file.failure());
  ASSERT_TRUE(file.read_again(2 * block_bytes));
  wait_for_reading();
  EXPECT_FALSE(file.failure());
  const auto is = file.is_as_sent();
  ASSERT_TRUE(is) << is.error().message;
  Report report;
  file.add_digests(report);
  EXPECT_EQ(report.xxh128, "") << "the file was not read to its end";
}

TEST_F(SentFileTest, RejectsChangedPrefixUntilStartOver) {
  SentFile::Setting before = setting();
  before.sent_before = checksums();
  before.sent_before[1] ^= 1;
  SentFile file(std::move(before));
  ASSERT_TRUE(file.read_again(content_.size()));
  wait_for_reading();
  ASSERT_TRUE(file.failure());
  EXPECT_EQ(file.failure()->kind, ErrorKind::local_file);
  EXPECT_THAT(file.failure()->message, HasSubstr("from offset 4096 to 8192"));
  EXPECT_FALSE(file.is_as_sent());
  file.start_over();
  EXPECT_FALSE(file.failure());
  EXPECT_TRUE(is_true(file.is_as_sent()));
  ASSERT_TRUE(file.read_again(content_.size()));
  wait_for_reading();
  EXPECT_FALSE(file.failure()) << "start_over() discards the earlier checksums";
  EXPECT_TRUE(is_true(file.is_as_sent()));
}

/// A file on a disk that does not answer until go_on_ is released.
class StuckFileTest : public SentFileTest {
 protected:
  StuckFileTest() {
    stuck_.before_read = [this](std::uint64_t) {
      stuck_now_.release();
      go_on_.acquire();
    };
  }
  ~StuckFileTest() override { go_on_.release(1000); }

  void wait_until_stuck() { ASSERT_TRUE(stuck_now_.try_acquire_for(60s)); }

  std::counting_semaphore<> stuck_now_{0};
  std::counting_semaphore<> go_on_{0};
  test::StringSource stuck_{content_, path_};
};

TEST_F(StuckFileTest, HasNoResultWhileReading) {
  SentFile file(setting_for(stuck_));
  ASSERT_TRUE(file.read_again(content_.size()));
  wait_until_stuck();
  EXPECT_TRUE(file.is_reading());
  EXPECT_FALSE(file.was_read());
  EXPECT_FALSE(file.failure());
  EXPECT_TRUE(is_not_known(file.is_as_sent()));
  EXPECT_TRUE(is_not_known(file.has_digests())) << "the reading in progress provides the digests";
  EXPECT_EQ(read_.try_acquire(), false);
  go_on_.release(1000);
  wait_for_reading();
  EXPECT_TRUE(is_true(file.is_as_sent()));
  EXPECT_TRUE(is_true(file.has_digests()));
}

TEST_F(StuckFileTest, ReadsAgainWithoutWaitingForDisk) {
  add_blocks();
  SentFile file(setting_for(stuck_));
  ASSERT_TRUE(file.read_again(content_.size()));
  wait_until_stuck();
  touch(1'000'000'000);
  EXPECT_TRUE(is_as_sent_after_reading(file)) << "opens the path, whose disk answers";
  go_on_.release(1000);
}

TEST_F(StuckFileTest, CancelEndsReading) {
  SentFile file(setting_for(stuck_));
  file.cancel();  // no reading is in progress
  ASSERT_TRUE(file.read_again(content_.size()));
  wait_until_stuck();
  file.cancel();
  go_on_.release(1000);
  wait_for_reading();
  ASSERT_TRUE(file.failure());
  EXPECT_EQ(file.failure()->kind, ErrorKind::interrupted);
}

TEST_F(StuckFileTest, StartOverDoesNotWaitForDisk) {
  {
    SentFile file(setting_for(stuck_));
    ASSERT_TRUE(file.read_again(content_.size()));
    wait_until_stuck();
    file.start_over();
    EXPECT_FALSE(file.is_reading());
    EXPECT_FALSE(file.was_read());
    EXPECT_FALSE(file.failure());
    EXPECT_TRUE(is_true(file.is_as_sent()));
    file.release();
    go_on_.release(1000);
  }
  EXPECT_TRUE(read_.try_acquire_for(60s)) << "the destructor waits for the reading";
}

}  // namespace
}  // namespace sluice::sent_file_test
