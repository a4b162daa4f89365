// Deleting uploads at a tus server: which are deleted, which are not, and which servers get no
// request.
#include "engine/upload/termination.h"
#include "engine/base/persistence.h"

#include <atomic>

#include "engine/upload/earlier_run.h"
#include "tests/engine/journal/journal_sample.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::termination_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class TerminationTest : public UploadTest {
 protected:
  TerminationTest() {
    options_.retry = {.retries = 2, .first = 1ms, .longest = 1ms};
    asked_.base_url = server_.url();
    asked_.dataset = "IDB-1234567";
    asked_.token = Secret(token);
    asked_.server.extensions = {"creation", "termination"};
    asked_.urls = {server_.url() + "/files/1"};
  }

  Terminated terminate() { return engine().terminate(asked_); }
  Terminated terminate_answered(const std::string& answer, int occurrence = -1) {
    server_.set_faults({{.phase = Phase::remove, .occurrence = occurrence, .answer = answer}});
    return terminate();
  }

  Termination asked_;
};

TEST_F(TerminationTest, CountsMissingUploadsAsDeleted) {
  for (const int status : {200, 204, 404, 410}) {
    const auto done = terminate_answered(http_answer(status, ""));
    EXPECT_EQ(done.left, 0U) << status;
    EXPECT_EQ(done.missing, status < 300 ? 0U : 1U) << status;
    EXPECT_FALSE(done.error) << status << done.error->message;
  }
  EXPECT_EQ(server_.count(Phase::remove), 4);
  const auto seen = server_.seen().front();
  EXPECT_EQ(seen.target, "/files/1");
  EXPECT_EQ(seen.headers.at("tus-resumable"), "1.0.0");
  EXPECT_EQ(seen.headers.at("authorization"), std::string("Token token=") + token);
}

/// Otherwise an upload that still exists would count as deleted.
TEST_F(TerminationTest, IgnoresNotFoundOfReverseProxy) {
  const std::string page = http_answer(404, "<html>404</html>", "Content-Type: text/html\r\n");
  auto done = terminate_answered(page, 0);
  EXPECT_FALSE(done.error);
  EXPECT_EQ(done.left, 0U);
  EXPECT_EQ(server_.count(Phase::remove), 2);
  EXPECT_EQ(done.missing, 1U) << "it was never there, and the server says so";

  done = terminate_answered(page);
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->kind, ErrorKind::unreachable);
  EXPECT_EQ(done.left, 1U);
  EXPECT_EQ(done.missing, 0U);

  asked_.server.sends_resumable = true;
  for (const int status : {404, 410}) {
    done = terminate_answered(http_answer(status, ""));
    EXPECT_EQ(done.left, 1U) << "the server's own answers have Tus-Resumable";
    done = terminate_answered(http_answer(status, "", "Tus-Resumable: 1.0.0\r\n"));
    EXPECT_EQ(done.missing, 1U);
  }
  // Firewalls are permanent: few attempts.
  options_.retry.retries = 100;
  engine_.reset();
  const int before = server_.count(Phase::remove);
  done = terminate_answered(http_answer(405, "<html>not allowed</html>"));
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->kind, ErrorKind::failed);
  EXPECT_EQ(server_.count(Phase::remove), before + 4);
}

/// A restarting server refuses valid tokens as well.
TEST_F(TerminationTest, RetriesRefusedTokenFewTimes) {
  options_.retry.retries = 10;
  EXPECT_FALSE(terminate_answered(http_answer(401, "{token}"), 0).error);
  const auto done = terminate_answered(http_answer(401, "{token}"));
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->kind, ErrorKind::token_refused);
  EXPECT_EQ(done.left, 1U);
  EXPECT_EQ(server_.count(Phase::remove), 2 + static_cast<int>(few_tries));
}

TEST_F(TerminationTest, DoesNotRetryRefusal) {
  const auto done = terminate_answered(http_answer(403, "not for {token}"));
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->kind, ErrorKind::failed);
  EXPECT_THAT(done.error->message, HasSubstr("403"));
  EXPECT_THAT(done.error->message, Not(HasSubstr(token)));
  EXPECT_EQ(server_.count(Phase::remove), 1);
}

TEST_F(TerminationTest, RetriesTransientErrorsOfRemainingUploads) {
  asked_.urls.push_back(server_.url() + "/files/2");
  auto done = terminate_answered(http_answer(423, ""), 0);
  EXPECT_EQ(done.left, 0U);
  EXPECT_FALSE(done.error);
  EXPECT_EQ(server_.count(Phase::remove), 3) << "two, and the one that was locked";

  done = terminate_answered(http_answer(503, ""));
  EXPECT_EQ(done.left, 2U);
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->kind, ErrorKind::unreachable);
  EXPECT_EQ(server_.count(Phase::remove), 3 + 2 * 3);
}

TEST_F(TerminationTest, SendsNoDeleteWithoutExtension) {
  asked_.server.extensions = {"creation", "expiration"};
  server_.set_faults(
      {{.phase = Phase::head,
        .occurrence = -1,
        .answer = http_answer(200, "", "Upload-Expires: Sun, 06 Nov 1994 08:49:37 GMT\r\n")}});
  const auto done = terminate();
  EXPECT_EQ(done.left, 1U);
  EXPECT_FALSE(done.error);
  ASSERT_TRUE(done.expires);
  EXPECT_EQ(std::chrono::system_clock::to_time_t(*done.expires), 784111777);
  EXPECT_EQ(server_.count(Phase::remove), 0);
}

TEST_F(TerminationTest, SendsNothingToAnotherServer) {
  ScriptedServer other;
  asked_.urls.push_back(other.url() + "/files/2");
  const auto done = terminate();
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->kind, ErrorKind::usage);
  EXPECT_EQ(done.left, 2U);
  EXPECT_EQ(other.connections(), 0);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(TerminationTest, StopsOnRequest) {
  server_.set_faults({{.phase = Phase::remove, .occurrence = -1, .then = Then::hold}});
  asked_.stop = [this] { return server_.count(Phase::remove) > 0; };
  const auto done = terminate();
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->kind, ErrorKind::interrupted);
  EXPECT_EQ(done.left, 1U);
}

/// The journal is a file that can be edited. An http URL of an https server would send the token in
/// plain text.
TEST(UploadUrls, ExcludeOtherServers) {
  const TempDir directory;
  const auto journal = test::open_journal(directory.path());
  JournalEntry entry = test::sample_entry();
  entry.protocol = "tus";
  entry.id = *journal->begin(entry);
  const auto begin_part = [&](std::uint64_t begin, std::uint64_t size, std::string_view url) {
    JournalEntry part = entry;
    part.part_of = entry.id;
    part.part_begin = begin;
    part.file.size = size;
    const auto id = journal->begin(part);
    ASSERT_TRUE(id) << id.error().message;
    if (!url.empty()) {
      ASSERT_TRUE(journal->record(*id, {.upload_url = url}));
    }
  };
  const std::uint64_t third = 4 * entry.block_bytes;
  begin_part(0, third, "http://databank.example/files/1");
  begin_part(third, third, "https://elsewhere.example/files/2");
  begin_part(2 * third, entry.file.size - 2 * third, "");
  const auto urls = upload_urls(*journal, entry);
  ASSERT_TRUE(urls) << urls.error().message;
  EXPECT_EQ(*urls, std::vector<std::string>{"https://databank.example/files/1"});
}

}  // namespace
}  // namespace sluice::termination_test
