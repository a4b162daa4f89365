// A file in parts over tus: when its parts are joined, and what happens to them if the join fails.

#include "engine/upload/upload_parts.h"
#include "io/open_source.h"
#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_tus_join_test {
namespace {

using Again = Report::Again;

class TusJoinTest : public TusTest {
 protected:
  TusJoinTest() { options_.register_wait = 1s; }

  UploadRequest in_two_parts() {
    UploadRequest request = tus();
    request.server.tus.extensions = {"creation", "concatenation", "termination"};
    request.server.tus.sends_resumable = true;
    request.lanes = 2;
    return request;
  }
  Report upload_in_parts() { return start(in_two_parts())->wait(); }
  /// A fault that loses a join request, or with `carried_out` only its answer.
  static Fault lost_join(bool carried_out, int occurrence = 0) {
    return {.phase = Phase::join,
            .occurrence = occurrence,
            .carried_out = carried_out,
            .answer = "",
            .then = Then::close};
  }
};

TEST_F(TusJoinTest, JoinsAndRegistersPartsOnce) {
  const Report report = upload_in_parts();
  expect_registered(report);
  EXPECT_EQ(report.again, Again::nothing);
  EXPECT_EQ(server_.count(Phase::create), 2);
  EXPECT_EQ(server_.count(Phase::join), 1);
  EXPECT_EQ(server_.registrations(), 1);
}

/// The journal has the parts from the start, and their first blocks are read before the answer
/// comes.
TEST_F(TusJoinTest, ReportsNoLossOfPartsNeverCreated) {
  server_.set_faults({{.phase = Phase::create, .occurrence = -1, .then = Then::hold}});
  auto upload = start(in_two_parts());
  ASSERT_TRUE(server_.wait_for(Phase::create, 2));
  upload->cancel();
  EXPECT_EQ(upload->wait().status, Status::interrupted);
  upload.reset();
  server_.set_faults({});
  expect_registered(upload_in_parts());
  EXPECT_THAT(warnings(), Not(HasSubstr("has lost all bytes of")));
}

TEST_F(TusJoinTest, ResumesAfterCancelDuringJoin) {
  options_.register_wait = 3600s;
  server_.set_faults({lost_join(/*carried_out=*/false)});
  auto upload = start(in_two_parts());
  ASSERT_TRUE(server_.wait_for(Phase::head, 2));
  upload->cancel();
  const Report report = upload->wait();
  EXPECT_EQ(report.status, Status::interrupted);
  EXPECT_TRUE(report.resumable);
  upload.reset();
  expect_registered(upload_in_parts());
  EXPECT_EQ(server_.count(Phase::create), 2) << "nothing is sent again";
}

TEST_F(TusJoinTest, RetriesJoinAfterNotFoundOfReverseProxy) {
  options_.register_wait = 0s;
  std::vector<Fault> faults;
  for (int i = 0; i < 5; ++i)
    faults.push_back(
        {.phase = Phase::join, .occurrence = i, .answer = http_answer(404, "<html>404</html>")});
  server_.set_faults(faults);
  expect_registered(upload_in_parts());
  EXPECT_EQ(server_.count(Phase::create), 2);
  EXPECT_EQ(server_.count(Phase::join), 6);
}

/// The second run sends the file in one piece, deletes the parts, and can be resumed in one piece.
TEST_F(TusJoinTest, SendsFileInOnePieceAfterFailedJoin) {
  server_.set_tus_rules({.least_joined_part = 7 * MiB});
  const Report refused = upload_in_parts();
  EXPECT_EQ(refused.status, Status::failed);
  EXPECT_EQ(refused.error->kind, ErrorKind::failed);
  EXPECT_THAT(refused.error->message, HasSubstr("smaller than the minimum allowed object size"));
  EXPECT_EQ(refused.again, Again::whole);
  EXPECT_EQ(server_.count(Phase::join), 1);
  EXPECT_EQ(server_.tus_uploads(), 2U);

  auto whole = in_two_parts();
  whole.in_one_piece = true;
  options_.retry.retries = 0;
  engine_.reset();
  server_.set_faults({{.phase = Phase::patch, .occurrence = 1, .answer = "", .then = Then::reset}});
  const Report broken = start(whole)->wait();
  EXPECT_EQ(broken.status, Status::failed);
  EXPECT_EQ(broken.lanes, 0U);
  engine_.reset();
  EXPECT_EQ(server_.count(Phase::remove), 2);
  EXPECT_EQ(server_.tus_uploads(), 1U);

  const Report resumed = upload_in_parts();
  expect_registered(resumed);
  EXPECT_GE(resumed.resumed_from, part);
  EXPECT_EQ(server_.registrations(), 1);
}

/// In production, the error text of S3 is not passed on. Journals of earlier versions have parts of
/// less than 5 MiB; without this rule, such a file could never be uploaded.
TEST_F(TusJoinTest, SendsShortPartsOfEarlierVersionInOnePiece) {
  for (const std::optional<unsigned> lanes :
       {std::optional<unsigned>(0), std::optional<unsigned>()}) {
    forget_all();
    UploadRequest request = in_two_parts();
    {
      const auto journal = Journal::open(state_.path());
      ASSERT_TRUE(journal);
      auto source = open_source(request.path, ReadMode::buffered, tus_block);
      ASSERT_TRUE(source);
      std::optional<EarlierRun> whole;
      ASSERT_TRUE(begin_parts(**journal, request, *source->source, tus_block,
                              {{0, 4 * MiB}, {4 * MiB, length}}, whole));
    }
    request.lanes = lanes;
    server_.set_faults({{.phase = Phase::join,
                         .occurrence = -1,
                         .answer = http_answer(500, "{\"error\":\"Internal Server Error\"}")}});
    const int joins = server_.count(Phase::join);
    const Report refused = start(request)->wait();
    EXPECT_EQ(refused.again, Again::whole) << refused.error->message;
    EXPECT_EQ(server_.count(Phase::join), joins + 1);
    request.in_one_piece = true;
    expect_registered(start(request)->wait());
    server_.set_faults({});
  }
}

}  // namespace
}  // namespace sluice::upload_tus_join_test
