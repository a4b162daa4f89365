// Uploads over tus: what a registration may do.
#include "tests/engine/upload_tus_fixture.h"

namespace sluice {
namespace {

TEST_F(TusTest, ARegistrationWithoutAnAnswerIsUnconfirmedAndNeverRepeated) {
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
    const std::string answer = fault.answer.value_or("");
    if (answer.starts_with("HTTP/1.1 423")) {
      EXPECT_EQ(report.status, Status::failed);  // a refusal, but not one that passes
    } else if (answer.starts_with("HTTP/1.1 429")) {
      expect_registered(report, file);
      continue;
    } else {
      EXPECT_EQ(report.status, Status::unconfirmed);
      ASSERT_TRUE(report.error);
      EXPECT_EQ(report.error->kind, ErrorKind::unconfirmed);
      const std::string& message = report.error->message;
      EXPECT_THAT(message, HasSubstr("/datasets/IDB-1234567"));
      EXPECT_THAT(message, HasSubstr("resume --register"));
      EXPECT_EQ(message.find("is not known"), message.rfind("is not known")) << message;
    }
    EXPECT_EQ(server_.count(Phase::registration), asked + 1);
    EXPECT_EQ(server_.registrations(), before + fault.carried_out);
  }
}

TEST_F(TusTest, AfterALostAnswerAPersonDecides) {
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

TEST_F(TusTest, ARegistrationThatIsToldToHappenIsLostOnceMore) {
  const Fault lost{.phase = Phase::registration, .answer = "", .then = Then::close};
  upload_until(lost);
  server_.set_faults({lost});
  auto asked = tus();
  asked.register_again = true;
  EXPECT_EQ(start(asked)->wait().status, Status::unconfirmed);
  EXPECT_EQ(server_.count(Phase::registration), 2);
  EXPECT_EQ(entry().state, JournalEntry::State::verifying);
}

TEST_F(TusTest, ARefusedTokenIsReplacedAndTheFileRegisteredOnce) {
  server_.set_faults(
      {{.phase = Phase::registration, .answer = http_answer(401, "HTTP Token: Access denied.\n")}});
  auto asked = tus();
  asked.renew_token = [] { return Secret("another-token"); };
  expect_registered(start(asked)->wait());
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_EQ(server_.seen().back().headers.at("authorization"), "Token token=another-token");
}

TEST_F(TusTest, ARefusalIsNoDoubtAndTheUploadStays) {
  for (const int status : {400, 401, 404}) {
    server_.set_faults({{.phase = Phase::registration, .answer = http_answer(status, "no")}});
    const Report report = upload();
    EXPECT_EQ(report.status, Status::failed) << status;
    EXPECT_THAT(report.error->message, Not(HasSubstr("not known")));
    EXPECT_EQ(entry().state, JournalEntry::State::unfinished);
  }
  server_.set_faults({});
  expect_registered(upload());
  EXPECT_EQ(offsets().size(), 3U) << "only the registration came again";
}

TEST_F(TusTest, ARedirectedRegistrationIsUnconfirmed) {
  ScriptedServer other;
  server_.set_faults(
      {{.phase = Phase::registration,
        .answer = http_answer(302, "", fmt::format("Location: {}/\r\n", other.url()))}});
  const Report report = upload();
  EXPECT_EQ(report.status, Status::unconfirmed);
  EXPECT_THAT(report.error->message, HasSubstr("not known"));
  EXPECT_EQ(server_.count(Phase::registration), 1);
  EXPECT_EQ(other.connections(), 0);
}

}  // namespace
}  // namespace sluice
