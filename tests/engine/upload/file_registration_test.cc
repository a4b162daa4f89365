#include "engine/upload/file_registration.h"

#include <gtest/gtest.h>

#include "engine/base/block.h"
#include "tests/engine/test_source.h"
#include "tests/engine/upload/fake_protocol.h"
#include "tests/support/temp_dir.h"

namespace sluice::file_registration_test {
namespace {

using namespace std::chrono_literals;
using Next = FileRegistration::Decision::Next;
using Ready = FileRegistration::Readiness::State;
using Step = Request::Step;

constexpr auto now = FileRegistration::Time(1000s);

class FileRegistrationTest : public testing::Test {
 protected:
  FileRegistrationTest() {
    Block block;
    block.bytes = std::as_bytes(std::span(content_.data(), content_.size()));
    block.checksum = block_checksum(block.bytes);
    EXPECT_TRUE(digest_.add(block));
  }
  static std::string written(const std::string& path, const std::string& content) {
    test::write_file(path, content);
    return path;
  }
  FileRegistration registration() {
    return FileRegistration(
        {.file = "scan.h5", .protocol = protocol_, .sent_file = sent_file_, .longest = 60s});
  }

  const std::string content_ = "the content of the file";
  const test::TempDir directory_;
  const std::string path_ = written(directory_ / "scan.h5", content_);
  const test::StringSource source_{content_, path_};
  ChecksumWorkers workers_{0};
  FileDigest digest_{path_, content_.size(), {}};
  SentFile sent_file_{{.name = "scan.h5",
                       .source = source_,
                       .workers = workers_,
                       .digest = digest_,
                       .block_bytes = 4096,
                       .noted = source_.identity(),
                       .path = path_}};
  test::FakeProtocol protocol_;
};

TEST_F(FileRegistrationTest, SendsWithoutADoubt) {
  FileRegistration registration = this->registration();
  for (const Step step : {Step::ask_name, Step::begin, Step::chunk, Step::join, Step::finish})
    EXPECT_EQ(registration.before(step, now).next, Next::send);
}

TEST_F(FileRegistrationTest, AsksForNameWhileLostRegistrationMayRun) {
  FileRegistration registration = this->registration();
  registration.sent(Step::finish, now);
  EXPECT_TRUE(registration.answered(now, Error{ErrorKind::unreachable, "reset"}, now));
  EXPECT_TRUE(registration.state().may_be_registered());
  const auto waits = registration.before(Step::finish, now + 1s);
  EXPECT_EQ(waits.next, Next::ask_name);
  EXPECT_EQ(waits.at, now + 3s);
  // The wait is over, and the name has not been asked for since.
  const auto asks = registration.before(Step::finish, now + 61s);
  EXPECT_EQ(asks.next, Next::ask_name);
  EXPECT_FALSE(asks.at);
  registration.sent(Step::ask_name, now + 61s);
  EXPECT_EQ(registration.before(Step::finish, now + 62s).next, Next::send);
  EXPECT_FALSE(registration.state().may_be_registered());
}

TEST_F(FileRegistrationTest, CountsTheFirstOfSeveralQuestionsForNames) {
  FileRegistration registration = this->registration();
  registration.sent(Step::finish, now);
  registration.answered(now, Error{ErrorKind::unreachable, "reset"}, now);
  // The first question came before the end of the wait, so its answer may be out of date.
  registration.sent(Step::ask_name, now + 59s);
  registration.sent(Step::ask_name, now + 61s);
  EXPECT_EQ(registration.before(Step::finish, now + 62s).next, Next::ask_name);
}

TEST_F(FileRegistrationTest, IsNotInDoubtAfterARefusalOrAnIncompleteRequest) {
  FileRegistration registration = this->registration();
  registration.sent(Step::finish, now);
  Answer refusal;
  refusal.status = 401;
  refusal.body = "HTTP Token: Access denied.\n";
  EXPECT_FALSE(registration.answered(now, refusal, now));
  EXPECT_FALSE(registration.state().may_be_registered());
  registration.sent(Step::whole, now);
  EXPECT_TRUE(registration.state().may_be_registered());
  EXPECT_FALSE(registration.answered({}, Error{ErrorKind::unreachable, "reset"}, now));
  EXPECT_FALSE(registration.state().may_be_registered());
}

TEST_F(FileRegistrationTest, AsksForThePartsWhileAJoinMayBeRunning) {
  FileRegistration registration = this->registration();
  registration.sent(Step::join, now);
  protocol_.is_joining = true;
  const auto decision = registration.before(Step::join, now + 10s);
  EXPECT_EQ(decision.next, Next::ask_parts);
  EXPECT_EQ(decision.at, now + 12s);
  EXPECT_EQ(registration.before(Step::ask_parts, now + 10s).next, Next::send);
  EXPECT_EQ(registration.before(Step::join, now + 60s).next, Next::send);
}

TEST_F(FileRegistrationTest, RecognisesTheErrorsOfARunningJoin) {
  FileRegistration registration = this->registration();
  registration.sent(Step::join, now);
  protocol_.is_joining = true;
  const Error locked{ErrorKind::unreachable, "locked", 423, true};
  const Error missing{ErrorKind::failed, "not found", 404, false};
  EXPECT_TRUE(registration.is_due_to_join(Step::ask_parts, locked, now + 10s));
  EXPECT_FALSE(registration.is_due_to_join(Step::join, locked, now + 10s));
  EXPECT_FALSE(registration.is_due_to_join(Step::ask_parts, locked, now + 60s));
  EXPECT_FALSE(registration.is_due_to_join(Step::ask_parts, missing, now + 10s));
  protocol_.asks_for = Protocol::Anew::what_is_missing;
  EXPECT_TRUE(registration.is_due_to_join(Step::ask_parts, missing, now + 10s));
}

TEST_F(FileRegistrationTest, IsReadyIfTheFileIsAsSent) {
  FileRegistration registration = this->registration();
  EXPECT_FALSE(registration.is_noted());
  EXPECT_EQ(registration.ready_to_finish().state, Ready::ready);
  EXPECT_TRUE(registration.is_noted());
  const Result<bool> whole = this->registration().ready_to_end_whole();
  EXPECT_TRUE(whole && *whole);
}

TEST_F(FileRegistrationTest, LaterRunsDoNotKnowOfItWithoutAJournal) {
  FileRegistration registration = this->registration();
  EXPECT_FALSE(registration.unknown_to_later_runs()) << "nothing is registered";
  registration.sent(Step::finish, now);
  EXPECT_EQ(registration.unknown_to_later_runs(), 60s);
  FileRegistration later = this->registration();
  later.inherit_doubt(now);
  EXPECT_FALSE(later.unknown_to_later_runs()) << "an earlier run has written it to the journal";
  later.sent(Step::finish, now + 100s);
  EXPECT_EQ(later.unknown_to_later_runs(), 60s) << "the journal has an earlier time";
}

/// An entry without a dataset cannot be written, as on a full disk.
TEST_F(FileRegistrationTest, LaterRunsDoNotKnowOfItIfTheJournalCannotBeWritten) {
  auto journal = Journal::open(directory_ / "state");
  ASSERT_TRUE(journal);
  JournalThread thread(*std::move(journal));
  for (const std::string dataset : {"IDB-1", ""}) {
    JournalEntry entry;
    entry.system = "https://bank.example";
    entry.dataset = dataset;
    entry.name = "scan.h5";
    entry.path = path_;
    entry.file.size = content_.size();
    entry.block_bytes = 4096;
    const auto record =
        std::make_shared<UploadRecord>(UploadRecord::Setting{thread, digest_, entry, 8, {}}, [] {});
    FileRegistration registration = this->registration();
    registration.use(record);
    ASSERT_EQ(registration.ready_to_finish().state, Ready::ready);
    registration.sent(Step::finish, now);
    record->wait();
    EXPECT_EQ(registration.unknown_to_later_runs().has_value(), dataset.empty());
  }
}

TEST_F(FileRegistrationTest, FailsIfTheFileIsGone) {
  test::write_file(directory_ / "other", content_);
  ASSERT_EQ(std::rename((directory_ / "other").c_str(), path_.c_str()), 0);
  FileRegistration registration = this->registration();
  const auto readiness = registration.ready_to_finish();
  EXPECT_EQ(readiness.state, Ready::file_failed);
  EXPECT_EQ(readiness.error->kind, ErrorKind::local_file);
  EXPECT_FALSE(registration.is_noted());
  EXPECT_FALSE(registration.ready_to_end_whole());
}

}  // namespace
}  // namespace sluice::file_registration_test
