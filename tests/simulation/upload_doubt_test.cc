// Registrations and joins whose answer was lost: how long the engine waits before the next request,
// in virtual time.
#include <string>

#include "tests/simulation/timed_upload.h"

namespace sluice::sim::upload_doubt_test {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

/// A verify whose answer is lost. The server may continue the registration for 30 s.
class LostVerify : public TimedUpload {
 protected:
  /// The server registers the file now, as if the verify had ended.
  void registers_now(const std::string& name) {
    bank_.registered.push_back({name, file().bytes()});
  }
};

TEST_F(LostVerify, IsNotRepeatedWhileServerMayBeRegistering) {
  strike({.step = Step::verify, .fault = Fault::late, .takes = 20s});
  expect_registered(upload());
  EXPECT_EQ(count(Step::verify), 1U);
  EXPECT_NEAR(took(), 21, 1.5);
  for (std::size_t i = 1; i < count(Step::ask); ++i)
    EXPECT_GE(between(Step::ask, i - 1, i), 1) << "a busy server is asked again after a second";
  EXPECT_THAT(warnings_, Not(HasSubstr("is unconfirmed"))) << "the server is asked";
}

TEST_F(LostVerify, IsRepeatedAfterWait) {
  strike({.step = Step::verify, .fault = Fault::lost_request});
  expect_registered(upload());
  EXPECT_EQ(count(Step::verify), 2U);
  EXPECT_NEAR(between(Step::verify, 0, 1), 30, 1.5);
}

TEST_F(LostVerify, ObeysRegisterWait) {
  options().register_wait = 300s;
  strike({.step = Step::verify, .fault = Fault::lost_request});
  expect_registered(upload());
  EXPECT_EQ(count(Step::verify), 2U);
  EXPECT_NEAR(between(Step::verify, 0, 1), 300, 11);
  EXPECT_NEAR(between(Step::ask, 1, 2), 10, 0.5) << "a thirtieth of the wait";
}

/// The registration has consumed the staged file, and has not ended yet.
TEST_F(LostVerify, IsWaitedForAfterStagedBytesAreGone) {
  strike({.step = Step::verify, .fault = Fault::lost_request, .before = [this] {
            server_->lose_bytes();
          }});
  strike({.step = Step::ask, .occurrence = 8, .before = [this] { registers_now("scan.h5"); }});
  expect_registered(upload());
  EXPECT_EQ(count(Step::verify), 1U);
  EXPECT_EQ(count(Step::setup), 1U);
}

/// The registration ends after the server has said that the name is free, while the server is too
/// busy for the next question.
TEST_F(LostVerify, IsLookedForAgainAfterWait) {
  Answer busy = reply(503);
  busy.retry_after = 40s;
  strike({.step = Step::verify, .fault = Fault::lost_request});
  strike({.step = Step::probe, .occurrence = 1, .answer = busy});
  strike({.step = Step::probe, .occurrence = 2, .before = [this] { registers_now("scan.h5"); }});
  expect_registered(upload());
  EXPECT_EQ(count(Step::verify), 1U);
  EXPECT_GT(count(Step::probe), 2U);
}

/// Seed 158 found the report of the second process with fewer bytes.
TEST_F(LostVerify, IsReportedWithAllBytesByNextProcess) {
  strike({.step = Step::verify, .fault = Fault::silent_answer});
  start();
  run_until([this] { return !bank_.registered.empty(); });
  pass(1s);
  kill();
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.committed, file_size);
  EXPECT_EQ(report.bytes_per_second(), 0) << "this process has sent nothing";
}

TEST_F(LostVerify, StaysInDoubtAfterCancel) {
  strike({.step = Step::verify, .fault = Fault::lost_request});
  start();
  run_until([this] { return count(Step::ask) == 3; });
  process_->cancel();
  expect_error(finish(), Status::interrupted, ErrorKind::interrupted, "is unconfirmed");

  request().restart = true;
  const auto error = try_start();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::unconfirmed);
  request().restart = false;

  // A later run waits as well.
  script_.clear();
  strike({.step = Step::ask, .occurrence = 6, .before = [this] { registers_now("scan.h5"); }});
  expect_registered(upload());
  EXPECT_EQ(count(Step::verify), 1U);
}

/// A server that stores a file under another name than requested is asked for both names.
class RenamedVerify : public LostVerify {
 protected:
  RenamedVerify() {
    bank_.renames = true;
    request().name = "my scan.h5";
  }
};

TEST_F(RenamedVerify, IsLookedForUnderEachNameAfterStagedBytesAreGone) {
  strike({.step = Step::verify, .fault = Fault::lost_request, .before = [this] {
            server_->lose_bytes();
          }});
  strike({.step = Step::ask, .occurrence = 8, .before = [this] { registers_now("my_scan.h5"); }});
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.registered_as, "my_scan.h5");
  EXPECT_EQ(count(Step::verify), 1U);
  EXPECT_EQ(count(Step::setup), 1U) << "nothing is sent again";
}

/// The registration under the first name ends after the answer to the first question, which takes
/// until the wait has ended. The second question says nothing about the first name.
TEST_F(RenamedVerify, FirstQuestionOfRowSetsTimeOfFreeNames) {
  strike({.step = Step::verify, .fault = Fault::lost_request});
  strike({.step = Step::ask,
          .occurrence = 1,
          .answer = reply(500, "missing paramter: filesize\n"),
          .takes = 40s,  // beyond the end of the wait
          .before = [this] { registers_now("my scan.h5"); }});
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.registered_as, "");
  EXPECT_EQ(count(Step::verify), 1U);
}

/// A lost join of two parts. The server may continue to join for 30 s.
class LostJoin : public TimedUpload {
 protected:
  LostJoin() { speak_tus_in_parts(); }
};

TEST_F(LostJoin, IsRepeatedAfterWait) {
  strike({.step = Step::join, .fault = Fault::lost_request});
  expect_registered(upload());
  EXPECT_EQ(count(Step::join), 2U);
  EXPECT_NEAR(between(Step::join, 0, 1), 30, 1.5);
  EXPECT_GE(count(Step::head), 4U) << "both parts, soon and at the end";
  EXPECT_EQ(count(Step::create), 2U);
}

TEST_F(LostJoin, HasConsumedParts) {
  strike({.step = Step::join, .fault = Fault::lost_answer});
  const Report report = upload();
  EXPECT_NEAR(took(), 31, 3) << "other parts may still be deleted";
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.again, Report::Again::what_is_missing);
  EXPECT_TRUE(report.resumable);
  EXPECT_EQ(count(Step::join), 1U);
  expect_registered(upload());
  EXPECT_EQ(count(Step::join), 2U);
}

/// A lock by a running join does not count as a failure.
TEST_F(LostJoin, HasLockedParts) {
  options().retry.retries = 1;
  Answer locked = reply(423);
  locked.headers.emplace_back("tus-resumable", "1.0.0");
  strike({.step = Step::join, .fault = Fault::lost_request});
  for (int head = 0; head < 6; ++head)
    strike({.step = Step::head, .occurrence = head, .answer = locked});
  expect_registered(upload());
  EXPECT_EQ(count(Step::join), 2U);
}

TEST_F(LostJoin, IsNotSeenInSlowJoin) {
  options().response_timeout = 1s;
  strike({.step = Step::join, .fault = Fault::think, .takes = 25s});
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.retries, 0U);
  EXPECT_EQ(count(Step::join), 1U);
  EXPECT_GT(took(), 25);
}

}  // namespace
}  // namespace sluice::sim::upload_doubt_test
