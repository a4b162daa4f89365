// Uploads over tus: what survives a crash, and how a later run resumes.
#include <atomic>

#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_tus_resume_test {
namespace {

/// A server that keeps parts of chunks must not get a byte of a block before the block's checksum
/// is in the journal. Otherwise a later run could not check that the file still equals the bytes
/// sent.
TEST_F(TusTest, SendsNoByteBeforeChecksumIsInJournal) {
  const auto journal = Journal::open(state_.path());
  ASSERT_TRUE(journal);
  std::atomic<int> looks = 0;
  std::atomic<int> early = 0;
  server_.watch_patches([&](std::uint64_t end) {
    const auto listing = (*journal)->list(/*finished_too=*/true);
    const bool known = listing && !listing->entries.empty() &&
                       listing->entries.front().hashed_blocks * tus_block >= end;
    ++looks;
    if (end > 0 && !known) ++early;
  });
  expect_registered(upload());
  EXPECT_GT(looks, 10);
  EXPECT_EQ(early, 0);
}

TEST_F(TusTest, ResumesAtServerOffset) {
  upload_a_part();
  EXPECT_EQ(entry().state, JournalEntry::State::unfinished);
  EXPECT_THAT(entry().upload_url, HasSubstr("/files/"));
  const std::size_t before = server_.seen().size();
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, broken_at);
  EXPECT_EQ(server_.seen()[before].phase, Phase::head);
  EXPECT_EQ(offsets(before).front(), std::to_string(broken_at));
  EXPECT_EQ(server_.count(Phase::create), 1);
  EXPECT_EQ(entries().size(), 1U);
}

/// The answer of a reverse proxy during a deployment, to `heads` HEAD requests.
std::vector<Fault> not_found_by_reverse_proxy(int heads) {
  std::vector<Fault> faults;
  for (int i = 0; i < heads; ++i)
    faults.push_back(
        {.phase = Phase::head,
         .occurrence = i,
         .answer = http_answer(404, "<html>404</html>", "Content-Type: text/html\r\n")});
  return faults;
}

TEST_F(TusTest, KeepsUploadAfterNotFoundOfReverseProxy) {
  std::vector<Fault> faults = not_found_by_reverse_proxy(9);
  faults.push_back({.phase = Phase::patch, .occurrence = 1, .answer = http_answer(404, "<html>")});
  server_.set_faults(faults);
  expect_registered(upload());
  EXPECT_EQ(server_.count(Phase::create), 1);
  EXPECT_EQ(offsets(), (std::vector<std::string>{"0", std::to_string(part), std::to_string(part),
                                                 std::to_string(2 * part)}));
}

TEST_F(TusTest, ResumedUploadRetriesNotFoundOfReverseProxy) {
  upload_a_part();
  server_.set_faults(not_found_by_reverse_proxy(9));
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, broken_at);
  EXPECT_EQ(server_.count(Phase::create), 1);
}

TEST_F(TusTest, KeepsJournalAfterNotFoundOfReverseProxy) {
  upload_a_part();
  const JournalEntry before = entry();
  server_.set_faults(
      {{.phase = Phase::any, .occurrence = -1, .answer = http_answer(404, "<html>")}});
  options_.retry.retries = 3;
  const Report failed = upload();
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_EQ(failed.error->kind, ErrorKind::unreachable);
  EXPECT_TRUE(failed.resumable);
  EXPECT_EQ(entry().upload_url, before.upload_url);
  EXPECT_EQ(entry().hashed_blocks, before.hashed_blocks);
  engine_.reset();
  server_.set_faults({});
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, broken_at);
}

TEST_F(TusTest, RestartsIfUploadExpiredBetweenRuns) {
  upload_a_part();
  server_.lose_staging();
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, 0U);
  EXPECT_EQ(server_.count(Phase::create), 2);
  EXPECT_THAT(warnings(), HasSubstr("from the beginning"));
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
}

TEST_F(TusTest, RestartsIfUploadExpiresWhileRunning) {
  for (const bool says_gone : {false, true}) {
    SCOPED_TRACE(says_gone);
    const std::string file = says_gone ? "gone" : "not-found";
    write(file, length, 3);
    server_.set_faults({{.phase = Phase::patch,
                         .occurrence = 1,
                         .before = [this] { server_.lose_staging(); },
                         .carried_out = true,
                         .answer = own_answer(says_gone ? 410 : 404)}});
    const Report report = upload(file);
    expect_registered(report, file);
    EXPECT_EQ(report.chunks, 4U) << "one of the first upload, three of the second";
  }
  EXPECT_EQ(server_.registrations(), 2);
  EXPECT_THAT(warnings(), HasSubstr("from the beginning"));
}

TEST_F(TusTest, FailsIfServerAlwaysLosesAllBytes) {
  server_.set_faults({{.phase = Phase::patch, .occurrence = -1, .answer = own_answer(410)}});
  const Report report = upload();
  expect_failed(report, ErrorKind::integrity, "lost the bytes sent to it");
  EXPECT_LE(server_.count(Phase::create), 12);
}

TEST_F(TusTest, RejectsOffsetBeyondBytesSent) {
  upload_a_part();
  server_.set_faults({{.phase = Phase::head,
                       .answer = http_answer(200, "",
                                             fmt::format("Upload-Offset: {0}\r\n"
                                                         "Upload-Length: {0}\r\n",
                                                         length))}});
  const Report report = upload();
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
  EXPECT_EQ(server_.count(Phase::registration), 0);
}

TEST_F(TusTest, RestartDeletesUploadIfServerCan) {
  for (const bool can : {true, false}) {
    SCOPED_TRACE(can);
    upload_a_part();
    const int removed = server_.count(Phase::remove);
    auto asked = tus();
    asked.restart = true;
    if (!can) asked.server.tus.extensions = {"creation"};
    expect_registered(start(asked)->wait());
    forget_all();
    EXPECT_EQ(server_.count(Phase::remove) - removed, can ? 1 : 0);
  }
  EXPECT_EQ(server_.count(Phase::head), 0);
}

/// Otherwise the server would register a second file of that name.
TEST_F(TusTest, SecondRunDoesNotRegisterAgain) {
  expect_registered(upload());
  const std::size_t seen = server_.seen().size();
  bool told = false;
  auto same = tus();
  same.on_over = [&] { told = true; };
  const Report again = start(same)->wait();
  EXPECT_EQ(again.status, Status::registered);
  EXPECT_FALSE(again.registered_before.empty());
  EXPECT_EQ(again.xxh128, xxh128(content("scan.h5")));
  EXPECT_TRUE(again.receipt);
  EXPECT_TRUE(told);
  EXPECT_EQ(server_.seen().size(), seen) << "something was sent";
  auto asked = tus();
  asked.restart = true;
  EXPECT_EQ(start(asked)->wait().status, Status::registered);
  EXPECT_EQ(server_.registrations(), 2);
}

/// With another path or size, the file may be another one. With another time, the file is read.
TEST_F(TusTest, RejectsNameRegisteredFromAnotherFile) {
  expect_registered(upload());
  const std::size_t seen = server_.seen().size();
  const auto refused = [&](const UploadRequest& asked, const char* what) {
    const auto again = engine().start(asked);
    ASSERT_FALSE(again) << what;
    EXPECT_EQ(again.error().kind, ErrorKind::name_taken) << what;
    EXPECT_THAT(again.error().message, HasSubstr("--restart"));
  };
  const std::string path = directory_ / "scan.h5";
  std::filesystem::copy_file(path, directory_ / "copy", std::filesystem::copy_options::none);
  const auto time = std::filesystem::last_write_time(path);
  std::filesystem::last_write_time(directory_ / "copy", time);
  auto copy = tus();
  copy.path = directory_ / "copy";
  refused(copy, "path");
  std::filesystem::last_write_time(path, time + 1s);
  EXPECT_FALSE(start(tus())->wait().registered_before.empty());
  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size - 1);
  std::filesystem::last_write_time(path, time);
  refused(tus(), "size");
  EXPECT_EQ(server_.seen().size(), seen) << "something was sent";
  std::filesystem::resize_file(path, size);
  std::filesystem::last_write_time(path, time + 1s);
  EXPECT_FALSE(start(tus())->wait().registered_before.empty()) << "the touched file was compared";
}

TEST_F(TusTest, WritesNoEntryForOneBlockBeforeRegistration) {
  write("small", tus_block);
  std::atomic<int> looks = 0;
  server_.set_faults({{.phase = Phase::patch,
                       .before =
                           [&] {
                             EXPECT_TRUE(entries().empty());
                             ++looks;
                           },
                       .carried_out = true},
                      {.phase = Phase::registration,
                       .before =
                           [&] {
                             EXPECT_EQ(entry().state, JournalEntry::State::verifying);
                             EXPECT_THAT(entry().upload_url, HasSubstr("/files/"));
                             ++looks;
                           },
                       .carried_out = true}});
  expect_registered(upload("small"), "small");
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
}

TEST_F(TusTest, DetectsChangedFile) {
  upload_a_part();
  write(name, length, 99);  // in place
  const Report other = upload();
  EXPECT_EQ(other.status, Status::failed);
  EXPECT_EQ(other.error->kind, ErrorKind::local_file);
  write("new", length, 99);
  std::filesystem::rename(directory_ / "new", directory_ / name);
  const auto refused = engine().start(tus());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::local_file);

  write("moving", length, 3);
  server_.set_faults({{.phase = Phase::patch,
                       .occurrence = 2,
                       .before = [this] { write("moving", length, 4); },
                       .carried_out = true}});
  const Report report = upload("moving");
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::local_file);
  EXPECT_EQ(server_.count(Phase::registration), 0);
}

TEST_F(TusTest, RejectsLocationOnAnotherServer) {
  ScriptedServer other;
  server_.set_faults(
      {{.phase = Phase::create,
        .answer = http_answer(201, "", fmt::format("Location: {}/files/1\r\n", other.url()))}});
  const Report report = upload();
  expect_failed(report, ErrorKind::failed, "another server");
  EXPECT_EQ(other.connections(), 0);
}

/// The journal is a file that can be edited.
TEST_F(TusTest, IgnoresJournalAddressOfAnotherServer) {
  upload_a_part();
  ScriptedServer other;
  {
    const auto journal = Journal::open(state_.path());
    ASSERT_TRUE((*journal)->record(entry().id, {.upload_url = other.url() + "/files/1"}));
  }
  for (const bool restart : {true, false}) {
    auto asked = tus();
    asked.restart = restart;
    if (!restart) upload_a_part();
    if (!restart) {
      const auto journal = Journal::open(state_.path());
      ASSERT_TRUE((*journal)->record(entry().id, {.upload_url = other.url() + "/files/1"}));
    }
    expect_registered(start(asked)->wait());
    forget_all();
  }
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(TusTest, ResumesAfterCancelInMidPatch) {
  server_.set_faults(
      {{.phase = Phase::patch, .occurrence = 1, .after_payload_bytes = MiB, .then = Then::hold}});
  auto upload_1 = start(tus());
  ASSERT_TRUE(server_.wait_for(Phase::patch, 2));
  upload_1->cancel();
  const Report report = upload_1->wait();
  EXPECT_EQ(report.status, Status::interrupted);
  EXPECT_TRUE(report.resumable);
  upload_1.reset();
  engine_.reset();
  server_.set_faults({});
  const Report second = upload();
  expect_registered(second);
  EXPECT_EQ(second.resumed_from, part);
}

}  // namespace
}  // namespace sluice::upload_tus_resume_test
