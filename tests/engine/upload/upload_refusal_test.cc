// Refusals that end an upload after one attempt or a few, because retries do not help.
#include <map>
#include <utility>

#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_refusal_test {
namespace {

class UploadRefusalTest : public TusTest {
 protected:
  /// The answer of a firewall.
  static std::string page(int status) {
    return http_answer(status, "<html><title>Request Rejected</title></html>",
                       "Content-Type: text/html\r\nServer: fw/1\r\n");
  }
  UploadRequest phased(const std::string& file = name) {
    UploadRequest request = UploadTest::request(file);
    request.chunk_bytes = part;
    return request;
  }
  /// Returns the number of requests of `phase` since the last call.
  int more(Phase phase) {
    const int all = server_.count(phase);
    return all - std::exchange(counted_[phase], all);
  }
  std::map<Phase, int> counted_;
  void expect_end(const Report& report, const std::vector<std::string>& says) {
    EXPECT_EQ(report.status, Status::failed);
    ASSERT_TRUE(report.error);
    EXPECT_STREQ(to_string(report.error->kind), "failed") << "the next file must be uploaded";
    for (const std::string& text : says) EXPECT_THAT(report.error->message, HasSubstr(text));
    EXPECT_FALSE(server_.registered(name));
  }
};

/// Over tus, or over the phased protocol.
class RefusedChunk : public UploadRefusalTest, public testing::WithParamInterface<bool> {
 protected:
  UploadRequest request() { return GetParam() ? tus() : phased(); }
  const Phase phase_ = GetParam() ? Phase::patch : Phase::transfer;
};
INSTANTIATE_TEST_SUITE_P(OverBoth, RefusedChunk, testing::Bool());

/// A firewall rejects certain bytes: the upload ends soon at their offset, and can be resumed
/// there.
TEST_P(RefusedChunk, IsRetriedFewTimesAndFileIsResumable) {
  server_.set_faults({{.phase = phase_, .occurrence = -1, .offset = part, .answer = page(403)}});
  const Report report = start(request())->wait();
  expect_end(report, {"HTTP 403", "Request Rejected",
                      fmt::format("at offset {} ({})", part, GetParam() ? "PATCH" : "POST"),
                      "a reverse proxy in front of the Data Bank ('fw/1')", "firewall",
                      "after 4 attempts", "nothing was registered"});
  EXPECT_TRUE(report.resumable);
  EXPECT_EQ(report.committed, part);
  EXPECT_EQ(more(phase_), 1 + 4) << "the chunk before it, and four attempts";

  server_.set_faults({});  // the firewall accepts the bytes now
  const Report again = start(request())->wait();
  expect_registered(again);
  EXPECT_EQ(again.resumed_from, part);
}

/// A refusal that closes the connection before the end of the body is not a network error.
TEST_F(UploadRefusalTest, ReadsRefusalInMidBody) {
  server_.set_faults({{.phase = Phase::patch,
                       .occurrence = -1,
                       .offset = 0,
                       .after_body_bytes = 100'000,
                       .answer = page(403),
                       .then = Then::close}});
  expect_end(upload(), {"HTTP 403", "after 4 attempts"});
}

TEST_F(UploadRefusalTest, DoesNotRetryExceededQuota) {
  for (const int status : {400, 413, 507}) {
    SCOPED_TRACE(status);
    server_.set_faults({{.phase = Phase::patch,
                         .occurrence = -1,
                         .answer = http_answer(status, "storage quota exceeded for IDB-1234567")}});
    const Report report = upload();
    expect_end(report, {std::to_string(status), "storage quota exceeded", "no room"});
    EXPECT_EQ(more(Phase::patch), 1);
    forget_all();
  }
  more(Phase::create);
  server_.set_faults({{.phase = Phase::create, .answer = http_answer(413, "quota exceeded")}});
  expect_end(upload(), {"quota exceeded", "no room"});
  EXPECT_EQ(more(Phase::create), 1);
}

TEST_F(UploadRefusalTest, ReportsMethodNotAllowed) {
  for (const int status : {405, 501}) {
    forget_all();
    more(Phase::create);
    server_.set_faults({{.phase = Phase::create, .occurrence = -1, .answer = page(status)}});
    expect_end(upload(), {std::to_string(status), "does not allow POST"});
    EXPECT_EQ(more(Phase::create), 1);
    server_.set_faults({{.phase = Phase::patch, .occurrence = -1, .answer = page(status)}});
    expect_end(upload(), {std::to_string(status), "does not allow PATCH", "offset 0"});
    EXPECT_LE(more(Phase::patch), 4);
    // The server is asked before the upload continues.
    more(Phase::head);
    server_.set_faults({{.phase = Phase::head, .occurrence = -1, .answer = page(status)}});
    expect_end(upload(), {std::to_string(status), "does not allow HEAD"});
    EXPECT_LE(more(Phase::head), 4);
  }
}

}  // namespace
}  // namespace sluice::upload_refusal_test
