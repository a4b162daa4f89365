// Limits for the requests in flight to one server: engine/upload/server_load.cc and
// upload_token.cc.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_load_test {
namespace {

constexpr const char* denied = "HTTP Token: Access denied.\n";

class UploadLoad : public TusTest {
 protected:
  /// Both files of a test must fit into the pool. Otherwise the first upload may have all buffers
  /// while the server holds its request until the request of the second upload arrives, which waits
  /// for a buffer.
  UploadLoad() { options_.pool_bytes = 64 * tus_block; }
  std::optional<unsigned> remembered() {
    const auto journal = Journal::open(state_.path());
    EXPECT_TRUE(journal);
    const auto facts = (*journal)->facts(server_.url());
    EXPECT_TRUE(facts);
    return facts->requests;
  }
};

/// The server refuses the first of two requests in flight, although it accepts the token.
TEST_F(UploadLoad, HalvesLimitAfterRefusalOfValidToken) {
  write("other", 1000);
  server_.set_faults({{.phase = Phase::patch,
                       .occurrence = 0,
                       .before = [this] { EXPECT_TRUE(server_.wait_for(Phase::patch, 2)); },
                       .answer = http_answer(401, denied)},
                      {.phase = Phase::patch,
                       .occurrence = 1,
                       .before = [this] { EXPECT_TRUE(server_.wait_for(Phase::ask)); },
                       .carried_out = true}});
  auto first = start(tus());
  auto second = start(tus("other"));
  expect_registered(first->wait());
  expect_registered(second->wait(), "other");
  EXPECT_EQ(server_.registrations(), 2);
  EXPECT_THAT(warnings(), HasSubstr("overloaded by 2 requests at a time (HTTP 401)"));
  EXPECT_EQ(engine_->request_limit(server_.url()), 1U);
  first.reset();
  second.reset();
  engine_.reset();
  EXPECT_EQ(remembered(), 1U);

  write("third", 1000);
  server_.set_faults({});
  auto third = start(tus("third"));
  EXPECT_EQ(engine_->request_limit(server_.url()), 1U) << "the limit of an earlier run";
  expect_registered(third->wait(), "third");
}

TEST_F(UploadLoad, HasNoLimitWithoutOverload) {
  auto upload = start(tus());
  expect_registered(upload->wait());
  EXPECT_EQ(engine_->request_limit(server_.url()), std::nullopt);
  EXPECT_EQ(engine_->request_limit("http://127.0.0.1:1"), std::nullopt);
}

/// Without a number from the user, uploads begin with the stored limit, and not with 4.
TEST_F(UploadLoad, StartsWithStoredLimit) {
  {
    const auto journal = Journal::open(state_.path());
    ASSERT_TRUE(journal);
    ASSERT_TRUE((*journal)->set_requests(server_.url(), 9));
  }
  auto upload = start(tus());
  EXPECT_EQ(engine_->request_limit(server_.url()), 9U);
  expect_registered(upload->wait());
}

/// Over the phased protocol, no upload waits for another; the program that starts uploads gets the
/// limit. The server answers one of two requests in flight with 429 or 503.
TEST_F(UploadLoad, ReportsLimitOfOverloadedPhasedServer) {
  write("other", 1000);
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = 0,
                       .before = [this] { EXPECT_TRUE(server_.wait_for(Phase::transfer, 2)); },
                       .answer = http_answer(429, "later", "Retry-After: 0\r\n")},
                      {.phase = Phase::transfer,
                       .occurrence = 1,
                       .before = [this] { EXPECT_TRUE(server_.wait_for(Phase::transfer, 3)); },
                       .carried_out = true}});
  UploadRequest request = UploadTest::request("other");
  request.dataset = "IDB-2";
  auto first = start(UploadTest::request());
  auto second = start(request);
  expect_registered(first->wait());
  expect_registered(second->wait(), "other");
  EXPECT_EQ(server_.registrations(), 2);
  EXPECT_THAT(warnings(), HasSubstr("overloaded by 2 uploads at a time (HTTP 429); run at most 1"));
  EXPECT_EQ(engine_->request_limit(server_.url()), 1U);
}

/// Chunks are sent with their checksums, so each upload holds blocks that it cannot send yet.
TEST_F(UploadLoad, UploadsEndWhileTheirNumberGrows) {
  options_.pool_bytes = 24 * tus_block;
  options_.uploads_at_a_time = 1;
  std::vector<std::unique_ptr<Upload>> uploads;
  std::vector<std::string> names;
  for (unsigned i = 0; i < 12; ++i) {
    names.push_back(fmt::format("file-{}", i));
    write(names.back(), i % 2 == 0 ? 6 * MiB : 1000, i);
  }
  for (unsigned i = 0; i < 12; ++i) {
    UploadRequest request = tus(names[i]);
    request.server.tus.extensions.push_back("checksum");
    request.server.tus.algorithms = {"sha1"};
    uploads.push_back(start(request));
    engine_->set_uploads_at_a_time(i + 2);
  }
  for (unsigned i = 0; i < 12; ++i) expect_registered(uploads[i]->wait(), names[i]);
  EXPECT_EQ(server_.registrations(), 12);
}

TEST_F(UploadLoad, AcceptsSecondRefusalOfToken) {
  server_.set_faults(token_refused({.phase = Phase::patch, .answer = http_answer(401, denied)}, 0));
  const Report report = start(tus())->wait();
  EXPECT_EQ(report.status, Status::failed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::token_refused);
  EXPECT_EQ(server_.count(Phase::ask), 2);
  EXPECT_THAT(warnings(), Not(HasSubstr("overloaded")));
}

TEST_F(UploadLoad, KeepsLimitWhileServerRestarts) {
  server_.set_faults({{.phase = Phase::patch, .occurrence = 1, .answer = http_answer(401, denied)},
                      {.phase = Phase::ask, .occurrence = -1, .then = Then::reset}});
  expect_registered(start(tus())->wait());
  EXPECT_THAT(warnings(), HasSubstr("but accepted the token"));
  engine_.reset();
  EXPECT_EQ(remembered(), std::nullopt);
}

TEST_F(UploadLoad, EndsIfDatasetIsNoDraft) {
  server_.set_faults(
      {{.phase = Phase::patch, .occurrence = 0, .answer = http_answer(401, denied)},
       {.phase = Phase::ask, .occurrence = 0, .answer = http_answer(404, "Dataset Not Found\n")}});
  const Report report = start(tus())->wait();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::no_such_dataset);
  EXPECT_EQ(server_.registrations(), 0);
}

TEST_F(UploadLoad, CancelEndsTokenCheck) {
  server_.set_faults({{.phase = Phase::patch, .occurrence = 0, .answer = http_answer(401, denied)},
                      {.phase = Phase::ask, .occurrence = 0, .then = Then::hold}});
  auto upload = start(tus());
  ASSERT_TRUE(server_.wait_for(Phase::ask));
  upload->cancel();
  EXPECT_EQ(upload->wait().status, Status::interrupted);
}

/// The server has no thread to read the first upload before the second one has ended.
TEST_F(UploadLoad, LeavesBuffersToOtherUploadsWhileStalled) {
  const test::SmallSendBuffers small;
  options_.pool_bytes = 16 * tus_block;
  options_.uploads_at_a_time = 2;
  write("other", length, 8);
  server_.set_faults(
      {{.phase = Phase::patch, .occurrence = 0, .after_payload_bytes = 1, .then = Then::hold}});
  auto first = start(tus());
  ASSERT_TRUE(server_.wait_for(Phase::patch));
  auto second = start(tus("other"));
  EXPECT_TRUE(second->wait_until(std::chrono::steady_clock::now() + 30s));
  server_.release();
  expect_registered(first->wait());
  expect_registered(second->wait(), "other");
}

}  // namespace
}  // namespace sluice::upload_load_test
