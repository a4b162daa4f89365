// Files that change during their upload to databankd, over each protocol.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <ostream>

#include "engine/journal/journal.h"
#include "engine/upload.h"
#include "io/local_file.h"
#include "io/sync.h"
#include "tests/e2e/e2e.h"

namespace sluice::e2e::changing_file_test {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Way {
  const char* name;
  ProtocolKind protocol;
  unsigned lanes;
};
void PrintTo(const Way& way, std::ostream* out) {
  *out << way.name;
}

class ChangingFile : public testing::TestWithParam<Way> {
 protected:
  ChangingFile() {
    std::filesystem::create_directory(directory_ / "data");
    test::write_file(path_, content_);
    touch({1'700'000'000, 0});
  }
  ~ChangingFile() override { engine_.reset(); }  // before its state directory is deleted

  /// Uploads the file. `opened` is called after the file was opened, before it is read;
  /// `before_rereading` when the engine announces that it will read the file again.
  Report upload(
      std::function<void()> opened, std::function<void()> before_rereading = [] {}) {
    EngineOptions options;
    options.block_bytes = 65536;
    options.pool_bytes = std::size_t{1} << 20;
    options.state_dir = state_.path();
    options.log = [this, opened = std::move(opened),
                   before_rereading = std::move(before_rereading)](LogLevel level,
                                                                   const std::string& text) {
      if (text.find(": reading through the page cache") != std::string::npos) opened();
      if (text.find("reading the file again") != std::string::npos) before_rereading();
      MutexLock lock(mutex_);
      if (level == LogLevel::warning) warnings_ += text + '\n';
    };
    engine_.reset();
    engine_ = *Engine::create(options);
    UploadRequest request;
    request.base_url = bank_.url();
    request.dataset = dataset;
    request.token = Secret(token);
    request.path = given_;
    request.name = "scan.h5";
    request.read_mode = ReadMode::buffered;
    request.lanes = GetParam().lanes;
    auto server = engine_->ask_server({.base_url = bank_.url(),
                                       .dataset = dataset,
                                       .token = Secret(token),
                                       .protocol = GetParam().protocol,
                                       .stop = {}});
    EXPECT_TRUE(server) << server.error().message;
    if (server) request.server = *std::move(server);
    auto upload = engine_->start(request);
    if (!upload) {
      Report report;
      report.error = upload.error();
      return report;
    }
    return (*upload)->wait();
  }

  void touch(timespec time) {
    const timespec times[2] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  }
  void expect_registered(const Report& report) {
    EXPECT_EQ(report.status, Report::Status::registered)
        << (report.error ? report.error->message : "");
    EXPECT_EQ(bank_.registered().size(), 1U);
    EXPECT_TRUE(test::read_file(bank_.deposited("scan.h5")) == content_);
    EXPECT_EQ(report.xxh128, xxh128_of_file(path_));
    EXPECT_EQ(report.lanes > 0, GetParam().lanes > 1) << report.lanes;
  }
  void expect_not_registered(const Report& report, const std::string& says) {
    EXPECT_EQ(report.status, Report::Status::failed);
    EXPECT_TRUE(bank_.registered().empty());
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->kind, ErrorKind::local_file);
    EXPECT_THAT(report.error->message, HasSubstr(says));
    EXPECT_THAT(report.error->message, HasSubstr("scan.h5"));
    EXPECT_THAT(report.error->message, HasSubstr("nothing was registered"));
  }
  std::string warnings() {
    MutexLock lock(mutex_);
    return warnings_;
  }

  /// A part has at least 5 MiB.
  const std::string content_ = test::random_bytes(GetParam().lanes > 1 ? 11'000'001 : 3'000'001, 3);
  test::TempDir directory_;
  test::TempDir state_;
  Bank bank_{{"--protocols", "phased,tus,binary"}};
  const std::string path_ = directory_ / "data/scan.h5";
  std::string given_ = path_;
  std::unique_ptr<Engine> engine_;

 private:
  Mutex mutex_;
  std::string warnings_ SLUICE_GUARDED_BY(mutex_);
};

INSTANTIATE_TEST_SUITE_P(, ChangingFile,
                         testing::Values(Way{"phased", ProtocolKind::phased, 0},
                                         Way{"tus", ProtocolKind::tus, 0},
                                         Way{"lanes", ProtocolKind::tus, 2},
                                         Way{"binary", ProtocolKind::binary, 0}),
                         [](const auto& way) { return way.param.name; });

TEST_P(ChangingFile, RereadsAndRegistersTouchedFile) {
  // The same second with other nanoseconds, as rounded by network file systems.
  const Report report = upload([this] {
    touch({1'700'000'000, 500'000'000});
    if (identity_at(path_)->modified == FileTime{1'700'000'000, 0})
      touch({1'700'000'002, 0});  // a file system without fractions of a second
  });
  expect_registered(report);
  EXPECT_THAT(warnings(), HasSubstr("reading the file again to compare it with the bytes sent"));
  const FileTime now = identity_at(path_)->modified;
  ASSERT_TRUE(report.receipt);
  EXPECT_EQ(report.receipt->modified, utc_time(now));
  engine_.reset();
  const auto journal = Journal::open(state_.path());
  ASSERT_TRUE(journal);
  const auto entries = (*journal)->list(/*finished_too=*/true)->entries;
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].state, JournalEntry::State::registered);
  EXPECT_EQ(entries[0].file.modified, now) << "the next run would take it for another file";
}

TEST_P(ChangingFile, DoesNotRereadUnchangedFile) {
  expect_registered(upload([] {}));
  EXPECT_EQ(warnings(), "");
}

TEST_P(ChangingFile, RejectsBytesChangedAfterSending) {
  const Report report = upload(
      [this] {
        touch({1'700'000'002, 0});
      },
      [this] {
        const int fd = ::open(path_.c_str(), O_WRONLY);
        EXPECT_EQ(::pwrite(fd, "!!", 2, 1'000'000), 2);
        ::close(fd);
      });
  expect_not_registered(report, "changed during the upload");
}

/// With the same size and time.
TEST_P(ChangingFile, RejectsReplacedFile) {
  const Report report = upload([this] {
    test::write_file(directory_ / "new", test::random_bytes(content_.size(), 4));
    std::filesystem::rename(directory_ / "new", path_);
    touch({1'700'000'000, 0});
  });
  expect_not_registered(report, "the path now names another file");
}

TEST_P(ChangingFile, RejectsRetargetedSymbolicLink) {
  given_ = directory_ / "link-to-scan.h5";
  std::filesystem::create_symlink(path_, given_);
  const Report report = upload([this] {
    test::write_file(directory_ / "new", content_);
    std::filesystem::remove(given_);
    std::filesystem::create_symlink(directory_ / "new", given_);
  });
  expect_not_registered(report, "the path now names another file");
}

/// After the file is restored, the next run registers it.
TEST_P(ChangingFile, RejectsDeletedFile) {
  const Report report =
      upload([this] { std::filesystem::rename(directory_ / "data", directory_ / "moved"); });
  expect_not_registered(report, "No such file or directory");
  std::filesystem::rename(directory_ / "moved", directory_ / "data");
  const Report again = upload([] {});
  EXPECT_EQ(again.status, Report::Status::registered);
  EXPECT_EQ(bank_.registered().size(), 1U);
  EXPECT_TRUE(test::read_file(bank_.deposited("scan.h5")) == content_);
  if (GetParam().protocol != ProtocolKind::binary) {
    EXPECT_EQ(again.chunks, 0U) << "was sent again";
  }
}

}  // namespace
}  // namespace sluice::e2e::changing_file_test
