// Uploads over tus: registration and its failures.
#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_tus_registration_test {
namespace {

/// Blocks until the condition is true. Returns false after 30 s.
bool holds_soon(const std::function<bool()>& what) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!what()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

TEST_F(TusTest, LostRegistrationIsUnconfirmedAndNotRetried) {
  for (const Passing& trouble : passing) {
    SCOPED_TRACE(trouble.name);
    const std::string file = trouble.name;
    const int before = server_.registrations();
    const int asked = server_.count(Phase::registration);
    write(file, length, 3);
    Fault fault = trouble.fault;
    fault.phase = Phase::registration;
    server_.set_faults({fault});
    const Report report = upload(file);
    EXPECT_EQ(report.status, Status::unconfirmed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->kind, ErrorKind::unconfirmed);
    const std::string& message = report.error->message;
    EXPECT_THAT(message, HasSubstr("/datasets/IDB-1234567"));
    EXPECT_THAT(message, HasSubstr("resume --register"));
    EXPECT_THAT(message, HasSubstr("is unconfirmed"));
    EXPECT_EQ(message.find("is unconfirmed"), message.rfind("is unconfirmed")) << message;
    EXPECT_EQ(server_.count(Phase::registration), asked + 1);
    EXPECT_EQ(server_.registrations(), before + fault.carried_out);
  }
}

/// The Data Bank registers the file, and a reverse proxy answers in its place.
TEST_F(TusTest, RegistrationAnsweredByReverseProxyIsUnconfirmed) {
  int number = 0;
  for (const std::string& answer :
       {http_answer(200, "<html>portal</html>"), http_answer(200, ""), http_answer(204, ""),
        http_answer(302, "", "Location: /login\r\n"), http_answer(400, "<html>Bad Request</html>"),
        http_answer(401, "<html>Unauthorized</html>"), http_answer(403, "<html>Blocked</html>"),
        http_answer(404, "<html>nginx</html>"), http_answer(413, ""), http_answer(423, ""),
        http_answer(429, "", "Retry-After: 0\r\n"), http_answer(499, ""),
        http_answer(500, R"({"status":500,"error":"Internal Server Error"})"),
        http_answer(504, "<html>Timeout</html>"), http_answer(200, "\x1f\x8b\x08 rubbish")}) {
    SCOPED_TRACE(answer);
    const std::string file = fmt::format("front-{}", number++);
    write(file, 1000, 3);
    auto asked = tus(file);
    asked.renew_token = [] { return Secret("another-token"); };
    server_.set_faults({{.phase = Phase::registration, .carried_out = true, .answer = answer}});
    const Report report = start(asked)->wait();
    EXPECT_EQ(report.status, Status::unconfirmed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->kind, ErrorKind::unconfirmed) << report.error->message;
    EXPECT_TRUE(report.resumable);
    const auto again = engine().start(asked);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::unconfirmed);
    EXPECT_EQ(server_.registrations(), number);
    EXPECT_EQ(server_.count(Phase::registration), number);
  }
}

/// The server closes each connection after the bytes without notice: the registration would be sent
/// over a dead connection, and its result would be in doubt.
TEST_F(TusTest, RegistersOverNewConnectionIfCheap) {
  options_.retry.retries = 0;
  server_.set_faults(
      {{.phase = Phase::patch, .occurrence = -1, .carried_out = true, .then = Then::close}});
  for (int i = 0; i < 20; ++i) {
    const std::string file = fmt::format("small-{}", i);
    write(file, 1000, 3);
    auto asked = tus(file);
    asked.server.round_trip = 1us;
    expect_registered(start(asked)->wait(), file);
  }
  EXPECT_EQ(server_.registrations(), 20);
  EXPECT_EQ(server_.count(Phase::registration), 20);
}

TEST_F(TusTest, RegistersAgainOnlyOnRequestAfterLostAnswer) {
  const Report lost = upload_until(
      {.phase = Phase::registration, .carried_out = false, .answer = "", .then = Then::close});
  EXPECT_EQ(lost.status, Status::unconfirmed);
  EXPECT_TRUE(lost.resumable);
  EXPECT_EQ(entry().state, JournalEntry::State::verifying);

  for (const bool restart : {false, true}) {
    auto asked = tus();
    asked.restart = restart;
    const auto again = engine().start(asked);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::unconfirmed);
    EXPECT_THAT(again.error().message, HasSubstr("resume --register"));
  }
  EXPECT_EQ(server_.count(Phase::registration), 1);
  EXPECT_EQ(entry().state, JournalEntry::State::verifying);

  auto asked = tus();
  asked.register_again = true;
  const std::size_t before = server_.seen().size();
  expect_registered(start(asked)->wait());
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_TRUE(offsets(before).empty()) << "nothing is sent again";
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
}

TEST_F(TusTest, SecondLostRegistrationIsUnconfirmed) {
  const Fault lost{.phase = Phase::registration, .answer = "", .then = Then::close};
  upload_until(lost);
  server_.set_faults({lost});
  auto asked = tus();
  asked.register_again = true;
  EXPECT_EQ(start(asked)->wait().status, Status::unconfirmed);
  EXPECT_EQ(server_.count(Phase::registration), 2);
  EXPECT_EQ(entry().state, JournalEntry::State::verifying);
}

/// The result of the second registration does not tell the result of the first.
TEST_F(TusTest, KeepsDoubtAfterRefusalOrFailure) {
  upload_until(
      {.phase = Phase::registration, .carried_out = true, .answer = "", .then = Then::close});
  options_.retry.retries = 0;
  auto asked = tus();
  asked.register_again = true;
  for (const Fault& fault : {Fault{.phase = Phase::registration,
                            .answer = http_answer(400, "Invalid TUS upload reference")},
                             Fault{.phase = Phase::head, .answer = http_answer(503, "")}}) {
    server_.set_faults({fault});
    const Report report = start(asked)->wait();
    EXPECT_EQ(report.status, Status::unconfirmed);
    EXPECT_EQ(entry().state, JournalEntry::State::verifying);
  }
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(TusTest, RegistersOnceWithNewToken) {
  server_.set_faults(token_refused(
      {.phase = Phase::registration, .answer = http_answer(401, "HTTP Token: Access denied.\n")},
      0));
  auto asked = tus();
  asked.renew_token = [] { return Secret("another-token"); };
  expect_registered(start(asked)->wait());
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_EQ(server_.seen().back().headers.at("authorization"), "Token token=another-token");
}

/// Otherwise a run that is killed during the wait would leave the upload in doubt, although the
/// server has refused the registration.
TEST_F(TusTest, WritesRefusalToJournalBeforeTokenWait) {
  for (const bool whole : {false, true}) {
    SCOPED_TRACE(whole ? "binary" : "tus");
    const std::string file = whole ? "whole.h5" : "in-chunks.h5";
    write(file, length, 5);
    const int before = server_.registrations();
    auto asked = tus(file);
    if (whole) asked.server.protocol = ProtocolKind::binary;
    asked.token_wait = 3600s;
    std::atomic<int> looked_for_token = 0;
    asked.renew_token = [&]() -> std::optional<Secret> {
      ++looked_for_token;
      return {};
    };
    const std::string refusal = http_answer(401, "HTTP Token: Access denied.\n");
    server_.set_faults(
        token_refused({.phase = whole ? Phase::whole : Phase::registration, .answer = refusal}, 0));
    auto upload = start(asked);
    EXPECT_TRUE(holds_soon([&] { return looked_for_token > 0; }));
    EXPECT_TRUE(holds_soon([&] { return entry().state == JournalEntry::State::unfinished; }));
    upload->cancel();
    EXPECT_EQ(upload->wait().status, Status::interrupted);
    EXPECT_EQ(server_.registrations(), before);
    expect_registered(start(asked)->wait(), file);
    EXPECT_EQ(server_.registrations(), before + 1);
  }
}

TEST_F(TusTest, RefusedRegistrationKeepsUpload) {
  for (const auto& [status, text] : {std::pair(400, "Invalid TUS upload reference"),
                                     {401, "HTTP Token: Access denied.\n"},
                                     {404, "Dataset Not Found"},
                                     {500, "invalid request"}}) {
    const Fault fault{.phase = Phase::registration, .answer = http_answer(status, text)};
    server_.set_faults(status == 401 ? token_refused(fault, 0) : std::vector<Fault>{fault});
    const Report report = upload();
    ASSERT_EQ(report.status, Status::failed) << status;
    EXPECT_THAT(report.error->message, Not(HasSubstr("is unconfirmed")));
    EXPECT_EQ(entry().state, JournalEntry::State::unfinished);
  }
  server_.set_faults({});
  expect_registered(upload());
  EXPECT_EQ(offsets().size(), 3U) << "only the registration was sent again";
}

TEST_F(TusTest, RegistersEmptyFileAfterEmptyPatch) {
  for (const bool late : {false, true}) {
    const std::string file = late ? "late" : "empty";
    write(file, 0);
    server_.set_tus_rules({.makes_files_late = late});
    UploadRequest request = tus(file);
    request.server.tus.extensions.push_back("checksum");
    request.server.tus.algorithms = {"sha1"};
    expect_registered(start(request)->wait(), file);
    EXPECT_EQ(server_.count(Phase::patch), late ? 1 : 0);
  }
  EXPECT_EQ(server_.registrations(), 2);
  EXPECT_EQ(server_.count(Phase::registration), 3);
}

TEST_F(TusTest, RedirectedRegistrationIsUnconfirmed) {
  ScriptedServer other;
  server_.set_faults(
      {{.phase = Phase::registration,
        .answer = http_answer(302, "", fmt::format("Location: {}/\r\n", other.url()))}});
  const Report report = upload();
  EXPECT_EQ(report.status, Status::unconfirmed);
  EXPECT_THAT(report.error->message, HasSubstr("is unconfirmed"));
  EXPECT_EQ(server_.count(Phase::registration), 1);
  EXPECT_EQ(other.connections(), 0);
}

}  // namespace
}  // namespace sluice::upload_tus_registration_test
