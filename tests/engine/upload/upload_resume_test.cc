// An upload that ended before its file was registered resumes at the server's offset, also in
// another process.
#include "tests/engine/upload/upload_resume_fixture.h"

namespace sluice::upload_resume_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(ResumeTest, ResumesAtServerOffsetWithoutSetup) {
  upload_a_part();
  const std::size_t before = server_.seen().size();
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, 2 * chunk);
  EXPECT_EQ(report.chunks, static_cast<std::uint64_t>(chunks) - 2);
  const auto seen = server_.seen();
  for (std::size_t i = before; i < seen.size(); ++i) EXPECT_NE(seen[i].phase, Phase::setup);
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
  EXPECT_EQ(unfinished(), 0U);
}

/// The server has more bytes than the journal says: the answer to the last chunk was lost.
TEST_F(ResumeTest, DoesNotResendBytesCommittedWithoutAnswer) {
  upload_until({.phase = Phase::transfer,
                .occurrence = 2,
                .carried_out = true,
                .answer = http_answer(503, "")});
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, 3 * chunk);
}

TEST_F(ResumeTest, ResumesAfterFailureOfEachRequest) {
  for (const auto& [phase, occurrence] : {std::pair(Phase::setup, 0),
                                          {Phase::transfer, 0},
                                          {Phase::transfer, 1},
                                          {Phase::transfer, chunks - 1},
                                          {Phase::probe, 0},
                                          {Phase::verify, 0}})
    for (const bool carried_out : {false, true}) {
      const std::string name =
          fmt::format("{}-{}-{}", static_cast<int>(phase), occurrence, carried_out);
      SCOPED_TRACE(name);
      write(name, file_size, 3);
      server_.set_faults({{.phase = phase,
                           .occurrence = occurrence,
                           .carried_out = carried_out,
                           .answer = http_answer(503, "")}});
      const Report first = start(request(name))->wait();
      EXPECT_NE(first.status, Status::registered);
      EXPECT_EQ(first.status == Status::unconfirmed, phase == Phase::verify);
      engine_.reset();
      const int registered = server_.registrations();
      server_.set_faults({});
      expect_registered(start(request(name))->wait(), name);
      EXPECT_EQ(server_.registrations(),
                phase == Phase::verify && carried_out ? registered : registered + 1);
      EXPECT_EQ(unfinished(), 0U);
    }
}

TEST_F(ResumeTest, ResumesEmptyFile) {
  for (const bool carried_out : {false, true}) {
    const std::string name = fmt::format("empty-{}", carried_out);
    write(name, 0);
    server_.set_faults(
        {{.phase = Phase::verify, .carried_out = carried_out, .answer = http_answer(503, "")}});
    EXPECT_EQ(start(request(name))->wait().status, Status::unconfirmed);
    engine_.reset();
    server_.set_faults({});
    expect_registered(start(request(name))->wait(), name);
    engine_.reset();
  }
  EXPECT_EQ(server_.registrations(), 2);
}

TEST_F(ResumeTest, RestartsIfServerLostAllBytes) {
  upload_a_part();
  server_.lose_staging();
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, 0U);
  EXPECT_EQ(report.chunks, static_cast<std::uint64_t>(chunks));
}

TEST_F(ResumeTest, ReceiptHasAllDigestsOfWholeFile) {
  for (const bool resumed : {false, true}) {
    const std::string name = resumed ? "resumed" : "in-one-go";
    write(name, file_size, 5);
    auto asked = request(name);
    asked.digests = {DigestKind::md5, DigestKind::sha256};
    if (resumed) {
      server_.set_faults(
          {{.phase = Phase::transfer, .occurrence = 2, .answer = http_answer(503, "")}});
      EXPECT_EQ(start(asked)->wait().status, Status::failed);
      server_.set_faults({});
      engine_.reset();
    }
    const Report report = start(asked)->wait();
    expect_registered(report, name);
    ASSERT_TRUE(report.receipt);
    EXPECT_EQ(report.md5, output_of("md5sum", directory_ / name).substr(0, 32));
    EXPECT_EQ(report.sha256, output_of("sha256sum", directory_ / name).substr(0, 64));
    EXPECT_EQ(report.receipt->md5, report.md5);
    EXPECT_EQ(report.receipt->bytes, file_size);
    EXPECT_EQ(entry().receipt, to_json(*report.receipt));
  }
}

/// The rule of engine/journal/upload_record.h: the journal has the checksum of every byte at the
/// server. Checked when the server has received a whole chunk.
TEST_F(ResumeTest, WritesChecksumsBeforeEndOfChunk) {
  int looked = 0;
  std::vector<Fault> faults;
  for (int i = 0; i < chunks; ++i)
    faults.push_back({.phase = Phase::transfer,
                      .occurrence = i,
                      .before =
                          [&, i] {
                            const auto end = std::min<std::uint64_t>(
                                file_size, chunk * (static_cast<std::uint64_t>(i) + 1));
                            EXPECT_GE(entry().hashed_blocks * block, end);
                            ++looked;
                          },
                      .carried_out = true});
  server_.set_faults(faults);
  expect_registered(upload());
  EXPECT_EQ(looked, chunks);
}

TEST_F(ResumeTest, WritesVerifyingBeforeVerifyIsSent) {
  JournalEntry::State state = JournalEntry::State::unfinished;
  server_.set_faults(
      {{.phase = Phase::verify, .before = [&] { state = entry().state; }, .carried_out = true}});
  expect_registered(upload());
  EXPECT_EQ(state, JournalEntry::State::verifying);
}

/// Bytes of another upload: no more can have been sent than was read, which is at most one pool
/// ahead of the journal.
TEST_F(ResumeTest, RejectsOffsetBeyondBytesSent) {
  constexpr std::size_t size = 40 * block;
  write("scan.h5", size);
  upload_a_part();
  EXPECT_LT(entry().hashed_blocks, 20U);
  for (const std::size_t progress : {std::size_t{20 * block}, size - 1, size, size + 1}) {
    server_.set_faults(
        {{.phase = Phase::probe,
          .occurrence = -1,
          .answer = http_answer(200, fmt::format(R"({{"error":"x","progress":{}}})", progress))}});
    const Report report = upload();
    EXPECT_EQ(report.status, Status::failed);
    ASSERT_TRUE(report.error) << progress;
    EXPECT_EQ(report.error->kind, ErrorKind::integrity) << progress;
    EXPECT_EQ(verifies(), 0);
    engine_.reset();
  }
}

TEST_F(ResumeTest, RejectsUploadThatWouldDeleteStagedBytes) {
  upload_a_part();
  write("other", 100);
  const auto refused = engine().start(request("other"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message,
              testing::AllOf(HasSubstr("'scan.h5'"), HasSubstr("sluice resume"),
                             HasSubstr("sluice forget")));
  auto elsewhere = request("other");
  elsewhere.dataset = "IDB-2";
  expect_registered(start(elsewhere)->wait(), "other");
  expect_registered(upload());
}

/// Bytes of an upload over another protocol are stored elsewhere.
TEST_F(ResumeTest, AllowsUploadBesideUnfinishedTusUpload) {
  upload_a_part();
  {
    auto journal = SqlDatabase::open(journal_path(state_.path()), "the journal");
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->run("UPDATE uploads SET protocol = 'tus'"));
  }
  write("other", 100);
  expect_registered(start(request("other"))->wait(), "other");
}

TEST_F(ResumeTest, RejectsSecondUploadIntoDataset) {
  server_.set_faults({{.phase = Phase::transfer, .then = Then::hold}});
  auto upload = start(request());
  ASSERT_TRUE(server_.wait_for(Phase::transfer));
  const auto second = engine().start(request());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::failed);
  EXPECT_THAT(second.error().message, HasSubstr("scan.h5"));
  server_.release();
  expect_registered(upload->wait());
}

TEST_F(ResumeTest, WarnsAndUploadsWithoutUsableJournal) {
  const std::string file = state_ / "file";
  test::write_file(file, "no directory");
  options_.state_dir = file + "/state";
  std::vector<std::string> warnings;
  options_.log = [&](LogLevel level, const std::string& text) {
    if (level == LogLevel::warning) warnings.push_back(text);
  };
  const Report report = upload();
  expect_registered(report);
  ASSERT_FALSE(warnings.empty());
  EXPECT_THAT(warnings.front(), HasSubstr("cannot be resumed"));
}

TEST_F(ResumeTest, KeepsTokenOutOfStateDirectory) {
  auto asked = request();
  asked.token_file = "/home/somebody/token";
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = 2,
                       .answer = "HTTP/1.1 500 No\r\n\r\nyou sent {token}",
                       .then = Then::close}});
  EXPECT_EQ(start(asked)->wait().status, Status::failed);
  int files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(state_.path()))
    if (file.is_regular_file()) {
      EXPECT_THAT(test::read_file(file.path()), Not(HasSubstr(token))) << file.path();
      EXPECT_EQ(file.status().permissions() &
                    (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
                std::filesystem::perms::none)
          << file.path();
      ++files;
    }
  EXPECT_GE(files, 2);
  EXPECT_EQ(entry().token_file, asked.token_file);
}

TEST_F(ResumeTest, RecomputesUnusableDigestState) {
  upload_a_part();
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((state_ / "journal.sqlite").c_str(), &database), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(database, "UPDATE uploads SET digest_state = x'00'", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(database);
  expect_registered(upload());
  EXPECT_EQ(server_.count(Phase::setup), 1) << "the staged bytes were kept";
}

TEST_F(ResumeTest, RejectsResumeOnlyWithoutUnfinishedUpload) {
  auto asked = request();
  asked.resume_only = true;
  const auto refused = engine().start(asked);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(ResumeTest, RejectsUnreadableJournal) {
  upload_a_part();
  engine_.reset();
  test::write_file(state_ / "journal.sqlite", "no database any more, but there");
  std::filesystem::remove(state_ / "journal.sqlite-wal");
  const auto engine = Engine::create(options_);
  ASSERT_FALSE(engine);
  EXPECT_THAT(engine.error().message, HasSubstr("--no-journal"));
  options_.journal = false;
  EXPECT_TRUE(Engine::create(options_));
}

TEST_F(ResumeTest, RejectsBlocksTooSmallForHugeFile) {
  test::write_file(directory_ / "huge", "");
  std::filesystem::resize_file(directory_ / "huge", std::uint64_t{1} << 40);
  const auto refused = engine().start(request("huge"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message, HasSubstr("--block 266240"));
}

}  // namespace
}  // namespace sluice::upload_resume_test
