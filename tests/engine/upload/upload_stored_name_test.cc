// Uploads to a server that stores a file under a different name than requested.
#include "engine/journal/journal.h"
#include "io/sync.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::upload_stored_name_test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* asked = "lost with space.bin";
constexpr const char* stored = "lost_with_space.bin";

class StoredNameTest : public UploadTest {
 protected:
  StoredNameTest() {
    write(asked, file_size);
    server_.store_as(asked, stored);
    options_.state_dir = state_.path();
    options_.retry = {.retries = 5, .first = 1ms, .longest = 5ms};
    options_.log = [this](LogLevel level, const std::string& text) {
      MutexLock lock(mutex_);
      if (level == LogLevel::warning) warnings_ += text + '\n';
    };
  }
  ~StoredNameTest() override { engine_.reset(); }  // before its state directory

  Report upload() { return start(request(asked))->wait(); }
  void expect_stored(const Report& report) {
    EXPECT_EQ(report.status, Status::registered) << (report.error ? report.error->message : "");
    EXPECT_EQ(report.name, asked);
    EXPECT_EQ(report.registered_as, stored);
    ASSERT_TRUE(report.receipt);
    EXPECT_EQ(report.receipt->registered_as, stored);
    EXPECT_EQ(report.xxh128, xxh128(content(asked)));
    EXPECT_TRUE(server_.registered(stored) == content(asked));
    EXPECT_EQ(server_.registrations(), 1);
    EXPECT_EQ(server_.count(Phase::verify), 1);
    EXPECT_EQ(server_.count(Phase::setup), 1);
  }
  std::string warnings() {
    MutexLock lock(mutex_);
    return warnings_;
  }

  TempDir state_;

 private:
  Mutex mutex_;
  std::string warnings_ SLUICE_GUARDED_BY(mutex_);
};

TEST_F(StoredNameTest, WarnsOfAndReportsStoredName) {
  expect_stored(upload());
  EXPECT_THAT(warnings(), HasSubstr("'lost_with_space.bin'"));
  EXPECT_EQ(server_.count(Phase::ask), 3) << "one before the setup, two after the verify";
}

TEST_F(StoredNameTest, PlainNameHasNoWarningAndNoQuestion) {
  expect_registered(UploadTest::upload());
  EXPECT_EQ(warnings(), "");
  EXPECT_EQ(server_.count(Phase::ask), 0);
}

/// The answer to verify is lost: the file is neither sent nor registered again.
TEST_F(StoredNameTest, FindsLostVerifyUnderStoredName) {
  server_.set_faults(
      {{.phase = Phase::verify, .carried_out = true, .answer = "", .then = Then::close}});
  expect_stored(upload());
}

TEST_F(StoredNameTest, LaterRunFindsLostVerifyUnderStoredName) {
  options_.retry.retries = 0;
  server_.set_faults(
      {{.phase = Phase::verify, .carried_out = true, .answer = "", .then = Then::close}});
  EXPECT_EQ(upload().status, Status::unconfirmed);
  engine_.reset();
  server_.set_faults({});
  const Report report = upload();
  EXPECT_EQ(report.status, Status::registered) << (report.error ? report.error->message : "");
  EXPECT_EQ(report.registered_as, stored);
  EXPECT_EQ(server_.count(Phase::verify), 1);
  EXPECT_EQ(server_.count(Phase::setup), 1);
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(StoredNameTest, LaterRunStaysInDoubtIfServerIsUnavailable) {
  options_.retry.retries = 0;
  server_.set_faults(
      {{.phase = Phase::verify, .carried_out = true, .answer = "", .then = Then::close}});
  upload();
  engine_.reset();
  server_.set_faults({{.phase = Phase::ask, .answer = http_answer(503, "")}});
  EXPECT_EQ(upload().status, Status::unconfirmed);
  server_.set_faults({});
  EXPECT_EQ(upload().status, Status::registered);
  EXPECT_EQ(server_.registrations(), 1);
}

/// 2018-08: verify of an empty file answers 500 although the file is registered.
TEST_F(StoredNameTest, FindsEmptyFileAfterFailedVerify) {
  write(asked, 0);
  server_.set_faults(
      {{.phase = Phase::verify,
        .carried_out = true,
        .answer = http_answer(500, R"({"status":500,"error":"Internal Server Error"})")}});
  expect_stored(upload());
}

TEST_F(StoredNameTest, SecondRunReportsRegisteredFile) {
  upload();
  for (const bool new_process : {false, true}) {
    if (new_process) engine_.reset();
    const Report again = upload();
    EXPECT_EQ(again.status, Status::registered) << (again.error ? again.error->message : "");
    EXPECT_NE(again.registered_before, "");
    EXPECT_EQ(again.registered_as, stored);
  }
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_EQ(server_.count(Phase::setup), 1);
}

/// Also for a stored name that the engine could not predict.
TEST_F(StoredNameTest, LaterRunAsksForNameReportedByServer) {
  server_.store_as("scan.h5", "scan (1).h5");
  server_.set_faults({{.phase = Phase::verify,
                       .carried_out = true,
                       .answer = http_answer(200,
                                             "scan (1).h5 successfully uploaded.  Refresh dataset "
                                             "page to see newly uploaded file. http://x")}});
  EXPECT_EQ(UploadTest::upload().registered_as, "scan (1).h5");
  const Report again = UploadTest::upload();
  EXPECT_NE(again.registered_before, "");
  EXPECT_EQ(again.registered_as, "scan (1).h5");
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(StoredNameTest, RejectsTakenStoredName) {
  server_.add_file(stored);
  const Report report = upload();
  EXPECT_EQ(report.status, Status::failed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::name_taken);
  EXPECT_EQ(server_.count(Phase::setup), 0);
}

/// The file is registered, whatever the answer to the question for its name.
TEST_F(StoredNameTest, IgnoresFailedQuestionAfterVerify) {
  options_.retry.retries = 0;
  for (const std::string& answer :
       {std::string(), http_answer(503, ""), http_answer(401, "HTTP Token: Access denied.\n")}) {
    // Both attempts: curl retries a request without an answer on a reused connection.
    std::vector<Fault> faults;
    for (int question = 1; question < 10; ++question)
      faults.push_back(
          {.phase = Phase::ask, .occurrence = question, .answer = answer, .then = Then::reset});
    server_.set_faults(faults);
    const std::string name = fmt::format("a file {}", next_++);
    write(name, 1000);
    const Report report = start(request(name))->wait();
    EXPECT_EQ(report.status, Status::registered) << (report.error ? report.error->message : "");
    EXPECT_EQ(report.registered_as, "");
  }
}

TEST_F(StoredNameTest, DoesNotReportNameWithControlCharacters) {
  server_.set_faults(
      {{.phase = Phase::registration,
        .carried_out = true,
        .answer = http_answer(200, "successfully uploaded x\xC2\x9B[2J\nsee in dataset at x")}});
  auto over_tus = request();
  over_tus.server.protocol = ProtocolKind::tus;
  over_tus.server.tus.extensions = {"creation"};
  const Report report = start(over_tus)->wait();
  EXPECT_EQ(report.status, Status::registered);
  EXPECT_EQ(report.registered_as, "");
  server_.set_faults({{.phase = Phase::registration,
                       .carried_out = true,
                       .answer = http_answer(200, fmt::format("successfully uploaded {}\nsee in "
                                                              "dataset at x",
                                                              token))}});
  over_tus.restart = true;
  EXPECT_EQ(start(over_tus)->wait().registered_as, "");
}

}  // namespace
}  // namespace sluice::upload_stored_name_test
