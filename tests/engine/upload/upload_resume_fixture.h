#pragma once

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/journal/journal_file.h"
#include "engine/report/receipt.h"
#include "io/local_file.h"
#include "io/sync.h"
#include "tests/engine/upload/upload_fixture.h"
#include "tests/support/process.h"

namespace sluice {

/// Uploads that end before their file is registered, and later runs that resume them.
class ResumeTest : public UploadTest {
 protected:
  ResumeTest() {
    options_.state_dir = state_.path();
    options_.log = [this](LogLevel level, const std::string& text) {
      MutexLock lock(mutex_);
      compared_ = compared_ || text.find("equals the bytes sent") != std::string::npos;
      changed_.notify_all();
      if (level == LogLevel::warning) warnings_ += text + '\n';
    };
  }
  ~ResumeTest() override { engine_.reset(); }  // before its state directory

  static std::string output_of(const std::string& program, const std::string& path) {
    return test::run({.argv = {"/usr/bin/" + program, path},
                      .env = {},
                      .stdin_text = {},
                      .directory = {}})
        .out;
  }

  /// Uploads until `fault` ends the upload, and then discards the engine, as a new process would
  /// start.
  Report upload_until(const Fault& fault) {
    const Report report = upload_against(fault);
    engine_.reset();
    server_.set_faults({});
    return report;
  }
  /// Uploads until the third chunk fails, with two chunks committed.
  void upload_a_part() {
    const Report report =
        upload_until({.phase = Phase::transfer, .occurrence = 2, .answer = http_answer(503, "")});
    EXPECT_EQ(report.status, Status::failed);
    EXPECT_TRUE(report.resumable);
    EXPECT_EQ(report.committed, 2 * chunk);
  }

  JournalEntry entry() {
    const auto journal = Journal::open(state_.path());
    EXPECT_TRUE(journal);
    const auto listing = (*journal)->list(true);
    EXPECT_TRUE(listing);
    EXPECT_FALSE(listing->entries.empty());
    return listing->entries.empty() ? JournalEntry() : listing->entries.front();
  }
  std::size_t unfinished() {
    const auto journal = Journal::open(state_.path());
    const auto listing = (*journal)->list(false);
    return listing ? listing->entries.size() : 0;
  }

  /// Blocks until a touched file was compared and equals the bytes sent.
  void wait_until_compared() {
    MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!compared_)
      if (!changed_.wait_until(mutex_, deadline)) break;
    EXPECT_TRUE(std::exchange(compared_, false));
  }
  std::string take_warnings() {
    MutexLock lock(mutex_);
    return std::exchange(warnings_, {});
  }

  void touch(const std::string& file, timespec time) {
    const timespec times[2] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, (directory_ / file).c_str(), times, 0), 0);
  }
  FileTime modified_of(const std::string& file) { return identity_at(directory_ / file)->modified; }
  /// Replaces the file by a new inode, as editors do.
  void replace(const std::string& file, const std::string& bytes) {
    test::write_file(directory_ / "new", bytes);
    std::filesystem::rename(directory_ / "new", directory_ / file);
  }

  /// Changes one byte and restores the times.
  void change_quietly(std::uint64_t offset) {
    const int fd = ::open((directory_ / "scan.h5").c_str(), O_RDWR);
    struct stat was {};
    ASSERT_EQ(::fstat(fd, &was), 0);
    char byte = 0;
    ASSERT_EQ(::pread(fd, &byte, 1, static_cast<off_t>(offset)), 1);
    byte = static_cast<char>(byte + 1);
    ASSERT_EQ(::pwrite(fd, &byte, 1, static_cast<off_t>(offset)), 1);
    const timespec times[2] = {was.st_atim, was.st_mtim};
    ASSERT_EQ(::futimens(fd, times), 0);
    ::close(fd);
  }

  TempDir state_;

 private:
  Mutex mutex_;
  CondVar changed_;
  std::string warnings_ SLUICE_GUARDED_BY(mutex_);
  bool compared_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice
