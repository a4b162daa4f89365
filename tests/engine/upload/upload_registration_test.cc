// When a file may be registered, depending on the journal.
#include <atomic>

#include "engine/journal/journal.h"
#include "engine/journal/journal_tables.h"
#include "engine/journal/sqlite.h"
#include "io/sync.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::upload_registration_test {
namespace {

using testing::HasSubstr;

/// A journal that stores everything except that a file is about to be registered: as on a disk that
/// has become full.
class RegistrationTest : public UploadTest {
 protected:
  RegistrationTest() {
    options_.state_dir = state_.path();
    options_.retry = {.retries = 3, .first = 1ms, .longest = 5ms};
    // The journal's connections run no triggers, but compute the expressions of indexes.
    change_journal(
        "CREATE INDEX no_room ON uploads (CASE state WHEN 1 THEN abs(-9223372036854775807 - 1) "
        "END)");
    options_.log = [this](LogLevel level, const std::string& text) {
      if (level != LogLevel::warning || text.find("before the journal is written") == text.npos)
        return;
      if (++waited_ == room_after_) make_room();
    };
  }
  ~RegistrationTest() override { engine_.reset(); }  // before its state directory

  void change_journal(const std::string& sql) {
    const auto journal = Journal::open(state_.path());
    ASSERT_TRUE(journal);
    const Journal::Work work = [&](JournalTables& tables) { return tables.database().run(sql); };
    const auto done = (*journal)->together(std::span(&work, 1));
    ASSERT_TRUE(done.front()) << done.front().error().message;
  }
  void make_room() { change_journal("DROP INDEX no_room"); }

  UploadRequest request_over(ProtocolKind protocol) {
    UploadRequest request = UploadTest::request();
    request.server.protocol = protocol;
    if (protocol == ProtocolKind::tus) request.server.tus.extensions = {"creation"};
    return request;
  }
  Report upload(ProtocolKind protocol) { return start(request_over(protocol))->wait(); }
  std::size_t registrations() {
    std::size_t count = 0;
    for (const auto& seen : server_.seen())
      if (seen.phase == Phase::registration) ++count;
    return count;
  }

  static constexpr const char* no_room = "integer overflow";  ///< SQLite's error message

  TempDir state_;
  int waited_ = 0;  // network thread only
  int room_after_ = 0;
};

TEST_F(RegistrationTest, WaitsUntilJournalIsWritten) {
  room_after_ = 2;
  expect_registered(upload(ProtocolKind::tus));
  EXPECT_EQ(waited_, 2);
  EXPECT_EQ(registrations(), 1U);
}

TEST_F(RegistrationTest, IsNotSentIfJournalStaysFull) {
  const Report failed = upload(ProtocolKind::tus);
  expect_failed(failed, ErrorKind::failed, no_room);
  EXPECT_EQ(registrations(), 0U) << "a later run would register the file again";
  make_room();
  expect_registered(upload(ProtocolKind::tus));
  EXPECT_EQ(registrations(), 1U);
}

/// A later run asks the phased server, so a full disk does not end the upload.
TEST_F(RegistrationTest, IsSentOverPhasedWithFullJournal) {
  expect_registered(upload(ProtocolKind::phased));
  EXPECT_EQ(waited_, 0);
}

/// Otherwise the next run would find no entry, upload the file, and register it a second time.
TEST_F(RegistrationTest, IsNotSentIfJournalHasNoEntry) {
  options_.retry.retries = 0;
  change_journal("CREATE INDEX none_at_all ON uploads (abs(-9223372036854775807 - 1))");
  for (const ProtocolKind protocol : {ProtocolKind::tus, ProtocolKind::binary}) {
    SCOPED_TRACE(to_string(protocol));
    UploadRequest request = request_over(protocol);
    request.name = to_string(protocol);
    const Report report = start(request)->wait();
    EXPECT_EQ(report.status, Status::failed);
    ASSERT_TRUE(report.error);
    EXPECT_THAT(report.error->message, HasSubstr("before the journal is written"));
    EXPECT_EQ(report.error->scope, Error::Scope::run);
  }
  EXPECT_EQ(registrations(), 0U);
}

/// The old entry, which the new one should have replaced, is still in the journal.
TEST_F(RegistrationTest, OneShotIsNotSentWithOldJournalEntry) {
  options_.retry.retries = 0;
  server_.set_faults({{.phase = Phase::patch, .occurrence = 0, .answer = http_answer(500, "")}});
  expect_failed(upload(ProtocolKind::tus), ErrorKind::failed);
  server_.set_faults({});
  expect_failed(upload(ProtocolKind::binary), ErrorKind::failed, no_room);
  make_room();
  const Report report = upload(ProtocolKind::binary);
  EXPECT_EQ(report.status, Status::registered) << (report.error ? report.error->message : "");
}

}  // namespace
}  // namespace sluice::upload_registration_test
