// Files that change during their upload.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "tests/engine/upload/upload_fixture.h"
#include "tests/support/scripted_server.h"

namespace sluice::upload_file_check_test {
namespace {

using testing::HasSubstr;

class ChangingFile : public UploadTest, public testing::WithParamInterface<ReadMode> {
 protected:
  /// Uploads the file, and calls `change` before the first request of `phase` is answered.
  Report upload_while(Phase phase, std::function<void()> change) {
    server_.set_faults({{.phase = phase, .before = std::move(change), .carried_out = true}});
    auto asked = request();
    asked.read_mode = GetParam();
    return start(asked)->wait();
  }
  void touch(std::time_t seconds) {
    const timespec times[2] = {{0, UTIME_OMIT}, {seconds, 0}};
    EXPECT_EQ(::utimensat(AT_FDCWD, (directory_ / "scan.h5").c_str(), times, 0), 0);
  }
};

TEST_P(ChangingFile, FailsOnShrunkFileWithNameAndOffset) {
  // Two blocks are in memory, and the rest is truncated before it is read.
  const Report report = upload_while(
      Phase::transfer, [this] { std::filesystem::resize_file(directory_ / "scan.h5", block); });
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "shrank to 4096 bytes");
  EXPECT_THAT(report.error->message, HasSubstr("offset"));
}

/// All bytes have been sent before the change.
TEST_P(ChangingFile, DoesNotRegisterModifiedFile) {
  const Report report = upload_while(Phase::probe, [this] {
    const int fd = ::open((directory_ / "scan.h5").c_str(), O_WRONLY);
    EXPECT_EQ(::pwrite(fd, "!!", 2, 5), 2);
    const timespec times[2] = {{0, UTIME_OMIT}, {1'000'000'000, 0}};
    EXPECT_EQ(::futimens(fd, times), 0);
    ::close(fd);
  });
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "changed during the upload");
}

TEST_P(ChangingFile, ComparesAndRegistersTouchedFile) {
  const Report report = upload_while(Phase::probe, [this] { touch(1'000'000'000); });
  expect_registered(report);
  ASSERT_TRUE(report.receipt);
  EXPECT_EQ(report.receipt->modified, "2001-09-09T01:46:40Z");
}

TEST_P(ChangingFile, DoesNotRegisterRepeatedlyTouchedFile) {
  options_.retry = {.retries = 10, .first = 2ms, .longest = 20ms};
  std::vector<Fault> faults;
  for (int i = 0; i < 5; ++i)
    faults.push_back({.phase = Phase::verify,
                      .occurrence = i,
                      .before = [this, i] { touch(1'000'000'000 + i); },
                      .answer = http_answer(503, "")});
  server_.set_faults(faults);
  auto asked = request();
  asked.read_mode = GetParam();
  const Report report = start(asked)->wait();
  EXPECT_EQ(server_.count(Phase::verify), 4);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::local_file);
  EXPECT_THAT(report.error->message, HasSubstr("modified repeatedly during the upload"));
}

TEST_P(ChangingFile, DoesNotRegisterGrownFile) {
  const Report report = upload_while(Phase::probe, [this] {
    std::filesystem::resize_file(directory_ / "scan.h5", file_size + 1);
  });
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "from 36987 to 36988 bytes");
}

/// The new file has the same size and time, so only the inode differs.
TEST_P(ChangingFile, DoesNotRegisterReplacedFile) {
  const Report report = upload_while(Phase::transfer, [this] {
    write("new", file_size, 99);
    std::filesystem::last_write_time(directory_ / "new",
                                     std::filesystem::last_write_time(directory_ / "scan.h5"));
    std::filesystem::rename(directory_ / "new", directory_ / "scan.h5");
  });
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "the path now names another file");
}

TEST_P(ChangingFile, EscapesFileNameInError) {
  const std::string odd = "\x1b[2J\n\xff";
  write(odd, file_size);
  server_.set_faults({{.phase = Phase::setup,
                       .before = [&] { std::filesystem::resize_file(directory_ / odd, 100); },
                       .carried_out = true}});
  auto asked = request();
  asked.path = directory_ / odd;
  asked.read_mode = GetParam();
  expect_failed(start(asked)->wait(), ErrorKind::local_file, "?[2J??");
  asked.path += "-missing";
  const auto missing = engine().start(asked);
  ASSERT_FALSE(missing);
  EXPECT_EQ(printable(missing.error().message), missing.error().message);
}

/// A chunk is sent again after the file was changed in place with the same size and time: only the
/// checksums of the first transfer show the change.
TEST_P(ChangingFile, DetectsChangedBytesOfResentChunk) {
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = 1,
                       .before =
                           [this] {
                             const int fd = ::open((directory_ / "scan.h5").c_str(), O_WRONLY);
                             struct stat was {};
                             ::fstat(fd, &was);
                             // The two blocks that can hold the first bytes of the second chunk.
                             const std::string other(2 * block, '!');
                             EXPECT_EQ(::pwrite(fd, other.data(), other.size(), 3 * block),
                                       2 * ssize_t{block});
                             const timespec times[2] = {was.st_atim, was.st_mtim};
                             ::futimens(fd, times);
                             ::close(fd);
                           },
                       .then = Then::close}});
  auto asked = request();
  asked.read_mode = GetParam();
  const Report report = start(asked)->wait();
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "changed");
}

INSTANTIATE_TEST_SUITE_P(All, ChangingFile,
                         testing::Values(ReadMode::direct, ReadMode::mmap, ReadMode::buffered),
                         [](const auto& mode) { return std::string(to_string(mode.param)); });

}  // namespace
}  // namespace sluice::upload_file_check_test
