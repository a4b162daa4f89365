// Engine::ask_server(): when the server is asked, how often, and what is cached.
// server_inquiry_test.cc tests the meaning of the answers.
#include "engine/base/persistence.h"
#include "engine/journal/journal.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::ask_server_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class AskServer : public UploadTest {
 protected:
  AskServer() {
    options_.retry.first = 1ms;
    options_.retry.longest = 1ms;
  }

  Inquiry inquiry() {
    Inquiry inquiry;
    inquiry.base_url = server_.url();
    inquiry.dataset = "IDB-1234567";
    inquiry.token = Secret(token);
    return inquiry;
  }
  int asked() { return server_.count(Phase::options); }

  static Fault tus() {
    return {.phase = Phase::options,
            .occurrence = -1,
            .answer =
                "HTTP/1.1 204 No Content\r\nTus-Version: 1.0.0\r\n"
                "Tus-Extension: creation\r\n\r\n"};
  }
};

TEST_F(AskServer, CachesProtocolUnlessFresh) {
  const auto first = engine().ask_server(inquiry());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->protocol, ProtocolKind::phased);
  EXPECT_FALSE(first->remembered);
  EXPECT_TRUE(first->token_taken);
  EXPECT_TRUE(first->round_trip);

  Inquiry again = inquiry();
  again.dataset = "IDB-7654321";
  again.base_url += "/";
  const auto second = engine().ask_server(again);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->protocol, ProtocolKind::phased);
  EXPECT_TRUE(second->remembered);
  EXPECT_EQ(asked(), 1);

  again.fresh = true;
  server_.set_faults({tus()});
  EXPECT_EQ(engine().ask_server(again)->protocol, ProtocolKind::tus);
  EXPECT_EQ(asked(), 2);
  EXPECT_TRUE(engine().ask_server(inquiry())->tus.has("creation"));
  EXPECT_EQ(asked(), 2);
}

TEST_F(AskServer, CachesProtocolInJournal) {
  options_.state_dir = directory_ / "state";
  EXPECT_FALSE(engine().ask_server(inquiry())->remembered);
  engine_.reset();
  EXPECT_TRUE(engine().ask_server(inquiry())->remembered);
  EXPECT_EQ(asked(), 1);
}

TEST_F(AskServer, ChecksEachDatasetAndTokenOnce) {
  Inquiry other_dataset = inquiry();
  other_dataset.dataset = "IDB-7654321";
  Inquiry other_token = inquiry();
  other_token.token = Secret("another-token");
  for (int i = 0; i < 2; ++i)
    for (const auto& asked : {inquiry(), other_dataset, other_token})
      EXPECT_TRUE(engine().ask_server(asked)->token_taken);
  EXPECT_EQ(server_.count(Phase::ask), 3);
  EXPECT_EQ(asked(), 1) << "the protocol is cached";

  server_.set_faults({{.phase = Phase::ask,
                       .occurrence = -1,
                       .answer = http_answer(401, "HTTP Token: Access denied.\n")}});
  Inquiry wrong = inquiry();
  wrong.token = Secret("a-wrong-token");
  const auto refused = engine().ask_server(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::token_refused);
}

/// A reverse proxy blocks the question about the token.
TEST_F(AskServer, WarnsWhenProxyRejectsTokenCheck) {
  std::string said;
  options_.log = [&](LogLevel, const std::string& text) { said += text + '\n'; };
  options_.retry.retries = 100;
  server_.set_faults(
      {tus(),
       {.phase = Phase::ask, .occurrence = -1, .answer = http_answer(403, "<h1>Forbidden</h1>")}});
  const auto profile = engine().ask_server(inquiry());
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->protocol, ProtocolKind::tus);
  EXPECT_FALSE(profile->token_taken);
  EXPECT_THAT(said, HasSubstr("without knowing whether the server accepts the token"));
  EXPECT_LE(server_.count(Phase::ask), 10);
}

TEST_F(AskServer, WarnsWhenTokenCheckOfKnownServerGetsNoAnswer) {
  std::string said;
  options_.log = [&](LogLevel, const std::string& text) { said += text + '\n'; };
  options_.retry.retries = 100;
  server_.set_faults({tus()});
  ASSERT_TRUE(engine().ask_server(inquiry()));
  server_.set_faults(
      {tus(), {.phase = Phase::ask, .occurrence = -1, .answer = "", .then = Then::close}});
  Inquiry other = inquiry();
  other.dataset = "IDB-7654321";
  const auto profile = engine().ask_server(other);
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->protocol, ProtocolKind::tus);
  EXPECT_FALSE(profile->token_taken);
  EXPECT_THAT(said, HasSubstr("without knowing whether the server accepts the token"));
}

/// A protocol that was requested for one upload does not apply to the next one.
TEST_F(AskServer, DoesNotCacheRequestedProtocol) {
  Inquiry given = inquiry();
  given.protocol = ProtocolKind::binary;
  EXPECT_EQ(engine().ask_server(given)->protocol, ProtocolKind::binary);
  EXPECT_EQ(engine().ask_server(inquiry())->protocol, ProtocolKind::phased);
  EXPECT_EQ(asked(), 2);
  EXPECT_EQ(engine().ask_server(given)->protocol, ProtocolKind::binary);
  EXPECT_EQ(asked(), 3) << "the cached profile does not tell about binary";
  given.protocol = ProtocolKind::phased;
  EXPECT_TRUE(engine().ask_server(given)->remembered);
  given.protocol = ProtocolKind::tus;
  const auto refused = engine().ask_server(given);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::failed);
  EXPECT_THAT(refused.error().message, HasSubstr("phased"));
}

TEST_F(AskServer, RetriesTransientErrorsWithinBudget) {
  options_.retry.retries = 2;
  server_.set_faults({{.phase = Phase::ask, .occurrence = 0, .answer = http_answer(503, "soon")},
                      {.phase = Phase::ask, .occurrence = 1, .answer = http_answer(502, "soon")}});
  EXPECT_TRUE(engine().ask_server(inquiry()));
  EXPECT_EQ(asked(), 3);

  server_.set_faults({{.phase = Phase::ask, .occurrence = -1, .answer = http_answer(503, "soon")}});
  Inquiry fresh = inquiry();
  fresh.fresh = true;
  const auto given_up = engine().ask_server(fresh);
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(given_up.error().message, HasSubstr("gave up after 3 attempts"));
  EXPECT_EQ(asked(), 6);
}

/// During a deployment, a reverse proxy answers the first questions of each kind.
std::vector<Fault> answered_by_reverse_proxy(int times) {
  std::vector<Fault> faults;
  for (int i = 0; i < times; ++i)
    for (const Phase phase : {Phase::options, Phase::ask})
      faults.push_back({.phase = phase,
                        .occurrence = i,
                        .answer = http_answer(404, "<html>404 Not Found</html>",
                                              "Content-Type: text/html\r\n")});
  return faults;
}

TEST_F(AskServer, RetriesNotFoundOfReverseProxy) {
  options_.retry.retries = 10;
  server_.set_faults(answered_by_reverse_proxy(few_tries - 1));
  const auto profile = engine().ask_server(inquiry());
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->protocol, ProtocolKind::phased);
  EXPECT_EQ(asked(), few_tries);
}

TEST_F(AskServer, StopsAfterFewAttemptsWithoutDataBank) {
  options_.retry.retries = 10;
  server_.set_faults(answered_by_reverse_proxy(100));
  const auto profile = engine().ask_server(inquiry());
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().kind, ErrorKind::failed) << "not no_such_dataset";
  EXPECT_THAT(profile.error().message, HasSubstr("check the URL"));
  EXPECT_EQ(asked(), few_tries);
}

TEST_F(AskServer, RetriesKnownServerWithinBudget) {
  options_.retry.retries = 10;
  ASSERT_TRUE(engine().ask_server(inquiry()));
  Inquiry fresh = inquiry();
  fresh.fresh = true;
  server_.set_faults(answered_by_reverse_proxy(10));
  EXPECT_TRUE(engine().ask_server(fresh));
  server_.set_faults(answered_by_reverse_proxy(100));
  const auto away = engine().ask_server(fresh);
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(away.error().message, HasSubstr("gave up after 11 attempts"));
}

TEST_F(AskServer, DoesNotRetryRefusedToken) {
  options_.retry.retries = 5;
  server_.set_faults(
      {{.phase = Phase::ask, .occurrence = -1, .answer = http_answer(401, "{token}")}});
  const auto refused = engine().ask_server(inquiry());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::token_refused);
  EXPECT_THAT(refused.error().message, Not(HasSubstr(token)));
  EXPECT_EQ(asked(), 1);
}

TEST_F(AskServer, StopEndsBackoff) {
  options_.retry.retries = 1000;
  options_.retry.first = options_.retry.longest = 10min;
  // The wait is at least the server's Retry-After.
  server_.set_faults({{.phase = Phase::ask,
                       .occurrence = -1,
                       .answer = http_answer(503, "soon", "Retry-After: 600\r\n")}});
  Inquiry stopped = inquiry();
  bool stop = false;
  options_.log = [&](LogLevel, const std::string& text) {
    EXPECT_THAT(text, HasSubstr("retrying in"));
    stop = true;
  };
  stopped.stop = [&] { return stop; };
  const auto interrupted = engine().ask_server(stopped);
  ASSERT_FALSE(interrupted);
  EXPECT_EQ(interrupted.error().kind, ErrorKind::interrupted);
  EXPECT_EQ(asked(), 1);
}

TEST_F(AskServer, RejectsInvalidInquiryWithoutRequest) {
  const auto kind = [&](const Inquiry& inquiry) {
    const auto profile = engine().ask_server(inquiry);
    return profile ? "none" : to_string(profile.error().kind);
  };
  Inquiry bad = inquiry();
  bad.dataset = "IDB/1";
  EXPECT_STREQ(kind(bad), "usage");
  bad = inquiry();
  bad.token = Secret("a b");
  EXPECT_STREQ(kind(bad), "usage");
  bad = inquiry();
  bad.token = Secret();
  EXPECT_STREQ(kind(bad), "usage");
  bad = inquiry();
  bad.base_url = "databank";
  EXPECT_STREQ(kind(bad), "usage");
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(AskServer, FailsWhenConnectionIsRefused) {
  Inquiry nowhere = inquiry();
  nowhere.base_url = "http://127.0.0.1:1";
  const auto profile = engine().ask_server(nowhere);
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(profile.error().message, HasSubstr("http://127.0.0.1:1"));
}

/// A label of more than 63 letters fails without a DNS query, which tests must not send.
const std::string typo = "https://" + std::string(64, 'a') + ".example";

TEST_F(AskServer, RetriesUnresolvedNameLessThanKnownName) {
  options_.retry.retries = 10;
  options_.state_dir = directory_ / "state";
  for (const bool known : {false, true}) {
    if (known) {
      engine_.reset();
      auto journal = Journal::open(options_.state_dir);
      ASSERT_TRUE(journal);
      ASSERT_TRUE((*journal)->set_protocol(typo, "tus", ""));
    }
    Inquiry asked = inquiry();
    asked.base_url = typo;
    asked.fresh = true;
    const auto profile = engine().ask_server(asked);
    ASSERT_FALSE(profile);
    EXPECT_EQ(profile.error().kind, ErrorKind::unreachable);
    EXPECT_THAT(profile.error().message, HasSubstr("Could not resolve host"));
    EXPECT_THAT(profile.error().message,
                HasSubstr(known ? "gave up after 11 attempts" : "gave up after 4 attempts"));
  }
}

TEST_F(AskServer, DoesNotCacheProtocolWithoutAnswerToOptions) {
  for (const Fault& lost :
       {Fault{.phase = Phase::options, .occurrence = 0, .answer = http_answer(503, "restarting")},
        Fault{.phase = Phase::options, .occurrence = 0, .then = Then::reset}}) {
    engine_.reset();
    server_.set_faults({lost});
    EXPECT_EQ(engine().ask_server(inquiry())->protocol, ProtocolKind::phased);
    server_.set_faults({tus()});
    const auto next = engine().ask_server(inquiry());
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_EQ(next->protocol, ProtocolKind::tus);
    EXPECT_FALSE(next->remembered);
  }
}

TEST_F(AskServer, WarnsOfRefusedOptionsAndDoesNotCache) {
  std::string said;
  options_.log = [&](LogLevel level, const std::string& text) {
    if (level == LogLevel::warning) said += text + '\n';
  };
  const std::vector<Fault> blocked{
      {.phase = Phase::options, .occurrence = -1, .answer = http_answer(405, "<h1>no</h1>")},
      {.phase = Phase::ask, .occurrence = -1, .answer = http_answer(500, "invalid request")}};
  server_.set_faults(blocked);
  const auto profile = engine().ask_server(inquiry());
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->protocol, ProtocolKind::binary);
  EXPECT_THAT(said, HasSubstr("refuses OPTIONS (HTTP 405)"));
  EXPECT_FALSE(engine().ask_server(inquiry())->remembered);

  // The error about a file that is too large contains advice.
  UploadRequest large = request();
  large.server = *profile;
  std::filesystem::resize_file(large.path, std::uint64_t{5} << 30);
  const auto upload = engine().start(large);
  ASSERT_FALSE(upload);
  EXPECT_EQ(upload.error().kind, ErrorKind::usage);
  EXPECT_THAT(upload.error().message, HasSubstr("--protocol tus"));

  said.clear();
  Inquiry given = inquiry();
  given.protocol = ProtocolKind::tus;
  EXPECT_EQ(engine().ask_server(given)->protocol, ProtocolKind::tus);
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace sluice::ask_server_test
