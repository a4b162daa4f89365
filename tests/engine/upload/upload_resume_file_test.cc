// Resuming an upload whose file changed, or may have changed.
#include "tests/engine/upload/upload_resume_fixture.h"

namespace sluice::upload_resume_file_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(ResumeTest, RejectsChangedFileWithoutRestart) {
  upload_a_part();
  write("scan.h5", file_size + 1);
  auto refused = engine().start(request());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::local_file);
  EXPECT_THAT(refused.error().message,
              testing::AllOf(HasSubstr("36987 bytes"), HasSubstr("36988"), HasSubstr("--restart")));
  replace("scan.h5", test::random_bytes(file_size, 8));
  touch("scan.h5", {1'800'000'000, 0});
  refused = engine().start(request());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::local_file);
  EXPECT_THAT(refused.error().message,
              testing::AllOf(HasSubstr("another file"), HasSubstr("--verify-prefix"),
                             HasSubstr("--restart")));
  auto asked = request();
  asked.restart = true;
  expect_registered(start(asked)->wait());
  EXPECT_EQ(unfinished(), 0U);
}

TEST_F(ResumeTest, ComparesAndResumesTouchedFile) {
  for (const timespec time : {timespec{1'700'000'000, 500'000'000}, timespec{-1, 999'999'999},
                              timespec{15'032'385'535, 0}}) {
    SCOPED_TRACE(time.tv_sec);
    const std::string file = fmt::format("touched-{}", time.tv_sec);
    write(file, file_size, 5);
    touch(file, {1'700'000'000, 0});
    server_.set_faults(
        {{.phase = Phase::transfer, .occurrence = 2, .answer = http_answer(503, "")}});
    ASSERT_EQ(start(request(file))->wait().status, Status::failed);
    touch(file, time);
    if (modified_of(file) == FileTime{1'700'000'000, 0})
      touch(file, {1'700'000'002, 0});  // as a file system without fractions of a second
    // The next run compares the bytes, and stores the new time.
    engine_.reset();
    server_.set_faults({{.phase = Phase::transfer,
                         .occurrence = 1,
                         .before = [this] { wait_until_compared(); },
                         .answer = http_answer(503, "")}});
    ASSERT_EQ(start(request(file))->wait().status, Status::failed);
    EXPECT_THAT(take_warnings(), HasSubstr("again to compare it with the bytes sent"));
    EXPECT_EQ(entry().file.modified, modified_of(file));
    engine_.reset();
    server_.set_faults({});
    const Report report = start(request(file))->wait();
    expect_registered(report, file);
    EXPECT_EQ(report.resumed_from, 3 * chunk);
    EXPECT_THAT(take_warnings(), Not(HasSubstr("compare")));
    EXPECT_EQ(report.receipt->modified, utc_time(modified_of(file)));
  }
}

TEST_F(ResumeTest, RejectsFileModifiedInPlace) {
  upload_a_part();
  std::string bytes = content("scan.h5");
  bytes[100] = static_cast<char>(bytes[100] + 1);
  test::write_file(directory_ / "scan.h5", bytes);  // keeps the inode
  touch("scan.h5", {1'800'000'000, 0});
  for (int i = 0; i < 2; ++i) {
    const Report report = upload();
    EXPECT_EQ(report.status, Status::failed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->kind, ErrorKind::local_file);
    EXPECT_THAT(report.error->message, HasSubstr("differ from the bytes sent"));
    engine_.reset();
  }
  EXPECT_EQ(verifies(), 0);
  EXPECT_NE(entry().file.modified, modified_of("scan.h5")) << "stored although the bytes differ";
}

TEST_F(ResumeTest, ComparesAndResumesCopyOnRequest) {
  upload_a_part();
  replace("scan.h5", content("scan.h5"));
  touch("scan.h5", {1'800'000'000, 0});
  EXPECT_FALSE(engine().start(request()));
  auto asked = request();
  asked.verify_prefix = true;
  const Report report = start(asked)->wait();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, 2 * chunk);
}

TEST_F(ResumeTest, NeedsNoRestartIfNothingWasCommitted) {
  for (const std::size_t size : {file_size, file_size + 1}) {
    SCOPED_TRACE(size);
    const std::string file = fmt::format("early-{}", size);
    write(file, file_size, 5);
    server_.set_faults({{.phase = Phase::transfer, .answer = http_answer(503, "")}});
    ASSERT_EQ(start(request(file))->wait().status, Status::failed);
    ASSERT_EQ(entry().name, file);
    ASSERT_EQ(entry().committed, 0U);
    engine_.reset();
    server_.set_faults({});
    write(file, size, 6);
    touch(file, {1'800'000'000, 0});
    expect_registered(start(request(file))->wait(), file);
  }
}

/// The answer to verify was lost. The server can only be asked for the name, and cannot tell
/// whether its file has the current content.
TEST_F(ResumeTest, ComparesTouchedFileBeforeAskingForName) {
  for (const bool changed : {false, true}) {
    SCOPED_TRACE(changed);
    const std::string file = fmt::format("doubt-{}", changed);
    write(file, file_size, 5);
    touch(file, {1'700'000'000, 0});
    server_.set_faults(
        {{.phase = Phase::verify, .carried_out = true, .answer = http_answer(503, "")}});
    ASSERT_EQ(start(request(file))->wait().status, Status::unconfirmed);
    ASSERT_EQ(entry().state, JournalEntry::State::verifying);
    engine_.reset();
    server_.set_faults({});
    if (changed) write(file, file_size, 6);
    touch(file, {1'700'000'002, 0});
    const int before = server_.count(Phase::ask);
    const Report report = start(request(file))->wait();
    if (changed) {
      EXPECT_EQ(report.status, Status::unconfirmed);
      ASSERT_TRUE(report.error);
      EXPECT_EQ(report.error->kind, ErrorKind::local_file);
      EXPECT_THAT(report.error->message, HasSubstr("look at"));
      EXPECT_EQ(server_.count(Phase::ask), before);
      EXPECT_EQ(entry().state, JournalEntry::State::verifying);
    } else {
      EXPECT_EQ(report.status, Status::registered);
      EXPECT_EQ(report.xxh128, xxh128(content(file)));
    }
  }
  EXPECT_EQ(server_.registrations(), 2);
}

TEST_F(ResumeTest, DetectsChangedPrefixWithVerifyPrefix) {
  upload_a_part();
  change_quietly(100);
  auto asked = request();
  asked.verify_prefix = true;
  const Report report = start(asked)->wait();
  EXPECT_EQ(report.status, Status::failed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::local_file);
  EXPECT_THAT(report.error->message, HasSubstr("offset 0 to 4096"));
  EXPECT_EQ(verifies(), 0);
  // Runs without verify_prefix do not register the file either.
  for (int i = 0; i < 2; ++i) {
    engine_.reset();
    const Report again = upload();
    EXPECT_EQ(again.status, Status::failed);
    EXPECT_EQ(again.error->kind, ErrorKind::local_file);
  }
  EXPECT_EQ(verifies(), 0);
}

/// The block that contains the server's offset is read again, and always compared.
TEST_F(ResumeTest, DetectsChangedBlockThatIsSentAgain) {
  upload_a_part();
  change_quietly(2 * chunk + 1);
  const Report report = upload();
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::local_file);
  EXPECT_EQ(verifies(), 0);
}

TEST_F(ResumeTest, ReadsFileWithNewInodeFromBeginning) {
  upload_a_part();
  struct stat was {};
  ASSERT_EQ(::stat((directory_ / "scan.h5").c_str(), &was), 0);
  for (const unsigned seed : {99U, 7U}) {  // the matching content last
    write("other", file_size, seed);
    const timespec times[2] = {was.st_atim, was.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, (directory_ / "other").c_str(), times, 0), 0);
    std::filesystem::rename(directory_ / "other", directory_ / "scan.h5");
    const Report report = upload();
    if (seed == 7) {
      expect_registered(report);
    } else {
      EXPECT_EQ(report.status, Status::failed);
      EXPECT_EQ(report.error->kind, ErrorKind::local_file);
    }
    engine_.reset();
  }
}

TEST_F(ResumeTest, ComparesEqualPrefix) {
  upload_a_part();
  auto asked = request();
  asked.verify_prefix = true;
  expect_registered(start(asked)->wait());
}

}  // namespace
}  // namespace sluice::upload_resume_file_test
