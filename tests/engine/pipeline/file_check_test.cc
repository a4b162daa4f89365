#include "engine/pipeline/file_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <latch>
#include <memory>
#include <semaphore>
#include <string>

#include "io/fault_source.h"
#include "tests/engine/test_source.h"
#include "tests/support/temp_dir.h"

namespace sluice::file_check_test {
namespace {

using testing::HasSubstr;

constexpr std::size_t block_bytes = 4096;
constexpr std::uint64_t blocks = 50;  ///< the last block has 17 bytes

class FileCheckTest : public testing::Test {
 protected:
  FileCheckTest() {
    for (std::uint64_t number = 0; number < blocks; ++number) {
      const std::string part = content_.substr(number * block_bytes, block_bytes);
      checksums_.push_back(XXH3_64bits(part.data(), part.size()));
    }
  }

  std::unique_ptr<test::StringSource> plain() {
    return std::make_unique<test::StringSource>(content_);
  }
  FileCheck::Setting of(const Source& source) {
    return {.source = source, .workers = workers_, .block_bytes = block_bytes, .on_done = [this] {
              done_.release();
            }};
  }
  /// Runs the check until on_done is called.
  Result<FileCheck::Digests> check(FileCheck::Setting setting) {
    TRY_ASSIGN(const auto check, FileCheck::start(std::move(setting)));
    done_.acquire();
    EXPECT_TRUE(check->done());
    progress_ = check->progress();
    if (check->result()) {
      EXPECT_EQ(check->progress(), check->total());
    }
    return check->result();
  }
  std::string digest(DigestKind kind) {
    EvpDigest digest = *EvpDigest::create(kind);
    digest.update(std::as_bytes(std::span(content_.data(), content_.size())));
    return digest.hex();
  }
  std::string xxh128() {
    Xxh128State state;
    state.update(std::as_bytes(std::span(content_.data(), content_.size())));
    return state.hex();
  }

  const std::string content_ = test::random_bytes((blocks - 1) * block_bytes + 17, 4);
  std::vector<std::uint64_t> checksums_;
  ChecksumWorkers workers_{2};
  std::counting_semaphore<> done_{0};
  std::uint64_t progress_ = 0;
};

TEST_F(FileCheckTest, HashesAWholeFile) {
  const auto source = plain();
  FileCheck::Setting setting = of(*source);
  setting.extra = {DigestKind::md5, DigestKind::sha256};
  const auto digests = check(setting);
  ASSERT_TRUE(digests) << digests.error().message;
  EXPECT_EQ(digests->xxh128, xxh128());
  EXPECT_EQ(digests->md5, digest(DigestKind::md5));
  EXPECT_EQ(digests->sha256, digest(DigestKind::sha256));
  EXPECT_EQ(progress_, content_.size());

  const auto without = check(of(*source));
  EXPECT_EQ(without->xxh128, xxh128());
  EXPECT_EQ(without->md5, "");
}

TEST_F(FileCheckTest, CompletesAtOnceForEmptyFile) {
  const test::StringSource empty("");
  FileCheck::Setting setting = of(empty);
  setting.extra = {DigestKind::md5};
  const auto digests = check(setting);
  ASSERT_TRUE(digests);
  EXPECT_EQ(digests->xxh128, "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(digests->md5, "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_F(FileCheckTest, AcceptsUnchangedPrefixWithoutDigest) {
  const auto source = plain();
  for (const std::uint64_t count : {1U, 7U, 49U}) {
    source->reads = 0;
    FileCheck::Setting setting = of(*source);
    setting.end = count * block_bytes;
    setting.expected.assign(checksums_.begin(),
                            checksums_.begin() + static_cast<std::ptrdiff_t>(count));
    const auto digests = check(setting);
    ASSERT_TRUE(digests) << digests.error().message;
    EXPECT_EQ(digests->xxh128, "");
    EXPECT_EQ(source->reads, static_cast<int>(count));
    EXPECT_EQ(progress_, count * block_bytes);
  }
}

TEST_F(FileCheckTest, ReadsTheWholeBlockThatContainsTheEnd) {
  const auto source = plain();
  FileCheck::Setting setting = of(*source);
  setting.end = 2 * block_bytes + 1;
  setting.expected = {checksums_[0], checksums_[1], checksums_[2]};
  ASSERT_TRUE(check(setting));
  EXPECT_EQ(progress_, 3 * block_bytes);
  setting.end = (blocks - 1) * block_bytes + 1;
  setting.expected = checksums_;
  EXPECT_EQ(check(setting)->xxh128, xxh128()) << "an end in the last block reads the whole file";
}

TEST_F(FileCheckTest, ReportsOffsetOfChangedByteInPrefix) {
  for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{block_bytes - 1},
                                 20 * block_bytes + 5, 49 * block_bytes + 16}) {
    const FaultSource source(plain(), {.changes = {{.offset = at}}});
    FileCheck::Setting setting = of(source);
    setting.expected = checksums_;
    setting.extra = {DigestKind::md5};
    const auto digests = check(setting);
    ASSERT_FALSE(digests) << at;
    EXPECT_EQ(digests.error().kind, ErrorKind::local_file);
    EXPECT_THAT(
        digests.error().message,
        HasSubstr("bytes from offset " + std::to_string(at / block_bytes * block_bytes) + " to"));
    EXPECT_THAT(digests.error().message,
                AllOf(HasSubstr("differ from the bytes sent"), HasSubstr("--restart")));
  }
}

TEST_F(FileCheckTest, FailsWithTheReadError) {
  for (const std::uint64_t at : {std::uint64_t{0}, 30 * block_bytes + 1, 49 * block_bytes}) {
    const FaultSource source(plain(), {.fails_at = at});
    const auto digests = check(of(source));
    ASSERT_FALSE(digests);
    EXPECT_EQ(digests.error().code, EIO);
    EXPECT_THAT(digests.error().message, HasSubstr("at offset " + std::to_string(at)));
  }
}

TEST_F(FileCheckTest, FailsIfTheFileChangesDuringTheReading) {
  FileIdentity later = plain()->identity();
  later.modified.seconds = 5;
  const FaultSource source(plain(), {.identity_now = later});
  const auto digests = check(of(source));
  ASSERT_FALSE(digests);
  EXPECT_EQ(digests.error().kind, ErrorKind::local_file);
  EXPECT_THAT(digests.error().message, HasSubstr("changed while sluice was reading it"));
}

TEST_F(FileCheckTest, CancelWorksAtAnyTime) {
  for (const std::uint64_t at : {0U, 1U, 25U, 49U}) {
    const auto source = plain();
    std::latch reading(1), go_on(1);
    source->before_read = [&](std::uint64_t offset) {
      if (offset != at * block_bytes) return;
      reading.count_down();
      go_on.wait();
    };
    FileCheck::Setting setting = of(*source);
    setting.extra = {DigestKind::md5};
    const auto check = *FileCheck::start(setting);
    reading.wait();
    EXPECT_FALSE(check->done());
    EXPECT_FALSE(check->wait_until(std::chrono::steady_clock::now()));
    check->cancel();
    go_on.count_down();
    done_.acquire();
    ASSERT_TRUE(check->wait_until(std::chrono::steady_clock::now()));
    EXPECT_EQ(check->result().error().kind, ErrorKind::interrupted);
  }
}

TEST_F(FileCheckTest, CancelAfterCompletionHasNoEffect) {
  const auto source = plain();
  const auto check = *FileCheck::start(of(*source));
  done_.acquire();
  check->cancel();
  EXPECT_EQ(check->result()->xxh128, xxh128());
}

TEST_F(FileCheckTest, CanBeDestroyedAtAnyTime) {
  const auto source = plain();
  for (int round = 0; round < 100; ++round) {
    const auto check = *FileCheck::start(of(*source));
    while (check->progress() < content_.size() / 100 * static_cast<unsigned>(round) &&
           !check->done())
      std::this_thread::yield();
  }
}

TEST_F(FileCheckTest, RunsConcurrentlyWithAnotherCheckOfTheFile) {
  const auto source = plain();
  const auto first = *FileCheck::start(of(*source));
  const auto second = *FileCheck::start(of(*source));
  done_.acquire();
  done_.acquire();
  EXPECT_EQ(first->result()->xxh128, xxh128());
  EXPECT_EQ(second->result()->xxh128, xxh128());
}

}  // namespace
}  // namespace sluice::file_check_test
