// Transient failures are retried: one upload, one engine, and a server or network that fails.

#include "io/sync.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::upload_retry_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class UploadRetryTest : public UploadTest {
 protected:
  UploadRetryTest() {
    options_.retry = {.retries = 10, .first = 2ms, .longest = 20ms};
    options_.log = [this](LogLevel level, const std::string& text) {
      MutexLock lock(mutex_);
      if (level == LogLevel::warning) warnings_ += text + '\n';
    };
  }
  ~UploadRetryTest() override { engine_.reset(); }

  std::string warnings() {
    MutexLock lock(mutex_);
    return warnings_;
  }

 private:
  Mutex mutex_;
  std::string warnings_ SLUICE_GUARDED_BY(mutex_);
};

/// A transient failure of one request.
struct Passing {
  const char* name;
  Fault fault;  ///< without the phase
};

void PrintTo(const Passing& passing, std::ostream* out) {
  *out << passing.name;
}

class EveryStep : public UploadRetryTest,
                  public testing::WithParamInterface<std::tuple<Phase, Passing>> {};

TEST_P(EveryStep, IsRetriedAndRegistersOnce) {
  const auto& [phase, trouble] = GetParam();
  Fault fault = trouble.fault;
  fault.phase = phase;
  if (phase == Phase::transfer) fault.occurrence = 1;
  server_.set_faults({fault});
  UploadRequest asking = request();
  if (phase == Phase::ask) asking.name = asked_name;
  const Report report = start(asking)->wait();
  EXPECT_EQ(report.status, Status::registered) << (report.error ? report.error->message : "");
  EXPECT_TRUE(server_.registered(asking.name) == content("scan.h5"));
  EXPECT_EQ(report.xxh128, xxh128(content("scan.h5")));
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_LE(report.retries, 2U);
  EXPECT_THAT(warnings(), Not(HasSubstr(token)));
}

const Passing passing[] = {
    {"request_lost", {.answer = "", .then = Then::close}},
    {"request_reset", {.answer = "", .then = Then::reset}},
    {"answer_lost", {.carried_out = true, .answer = "", .then = Then::close}},
    {"answer_reset", {.carried_out = true, .answer = "", .then = Then::reset}},
    {"reset_in_the_body", {.after_body_bytes = 200, .answer = "", .then = Then::reset}},
    {"answer_cut_short",
     {.carried_out = true,
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsuccessfully",
      .then = Then::close}},
    {"timeout_408", {.answer = http_answer(408, "")}},
    {"too_many_429", {.answer = http_answer(429, "")}},
    {"error_500", {.answer = http_answer(500, "Errno::ENOSPC")}},
    {"bad_gateway_502", {.answer = http_answer(502, "<title>502</title>")}},
    {"unavailable_503", {.carried_out = true, .answer = http_answer(503, "")}},
    {"gateway_timeout_504", {.carried_out = true, .answer = http_answer(504, "")}},
    {"huge", {.answer = "HTTP/1.1 200 OK\r\n\r\nsuccess", .endless = true}},
};

std::string test_name(const testing::TestParamInfo<std::tuple<Phase, Passing>>& param) {
  const char* const phases[] = {"ask", "setup", "transfer", "probe", "verify"};
  const auto& [phase, passing_one] = param.param;
  return fmt::format("{}_{}", phases[static_cast<int>(phase)], passing_one.name);
}

INSTANTIATE_TEST_SUITE_P(All, EveryStep,
                         testing::Combine(testing::Values(Phase::ask, Phase::setup, Phase::transfer,
                                                          Phase::probe, Phase::verify),
                                          testing::ValuesIn(passing)),
                         test_name);

/// A garbage answer of a server that has spoken the protocol before.
TEST_F(UploadRetryTest, AsksForStateAfterGarbageAnswer) {
  for (const Phase phase : {Phase::transfer, Phase::probe, Phase::verify})
    for (const bool carried_out : {false, true}) {
      const std::string name = fmt::format("{}-{}", static_cast<int>(phase), carried_out);
      SCOPED_TRACE(name);
      write(name, file_size, 3);
      server_.set_faults({{.phase = phase,
                           .occurrence = 0,
                           .carried_out = carried_out,
                           .answer = http_answer(200, "\x1b[2J<html>captive portal")}});
      expect_registered(start(request(name))->wait(), name);
    }
  EXPECT_EQ(server_.registrations(), 6);
  EXPECT_THAT(warnings(), Not(HasSubstr("\x1b")));
}

TEST_F(UploadRetryTest, ResumesInsideChunkAfterServerRestart) {
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = 1,
                       .carried_out = true,
                       .keeps = 100,
                       .answer = "",
                       .then = Then::reset}});
  const Report report = start(request())->wait();
  expect_registered(report);
  bool from_inside = false;
  for (const auto& seen : server_.seen())
    from_inside |= seen.field("previous_size") == std::to_string(chunk + 100);
  EXPECT_TRUE(from_inside);
}

TEST_F(UploadRetryTest, RestartsAfterServerLosesStagingArea) {
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = 2,
                       .before = [this] { server_.lose_staging(); },
                       .carried_out = true}});
  const Report report = start(request())->wait();
  expect_registered(report);
  EXPECT_EQ(server_.count(Phase::setup), 2);
  EXPECT_THAT(warnings(), HasSubstr("from the beginning"));
}

TEST_F(UploadRetryTest, FailsIfServerAlwaysLosesAllBytes) {
  server_.set_faults({{.phase = Phase::probe,
                       .occurrence = -1,
                       .before = [this] { server_.lose_staging(); },
                       .carried_out = true}});
  const Report report = start(request())->wait();
  EXPECT_EQ(report.status, Status::failed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
  EXPECT_EQ(verifies(), 0);
  EXPECT_LE(server_.count(Phase::setup), 12);
}

TEST_F(UploadRetryTest, ResendsLostAcknowledgedBytes) {
  server_.set_faults(
      {{.phase = Phase::transfer, .occurrence = chunks - 1, .carried_out = true, .keeps = 1}});
  expect_registered(start(request())->wait());
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(UploadRetryTest, AsksAgainAfterInvalidOffset) {
  for (const char* progress :
       {"-1", "1e99", "99999999999999999999", "null", "\"12\"", "12.5", "[]", "true"}) {
    SCOPED_TRACE(progress);
    const std::string name = fmt::format("file-{}", next_++);
    write(name, file_size, 3);
    const std::string absurd =
        http_answer(200, fmt::format(R"({{"error":"x","progress":{},"status":500}})", progress));
    server_.set_faults({{.phase = Phase::transfer, .occurrence = 1, .answer = absurd},
                        {.phase = Phase::probe, .occurrence = 0, .answer = absurd}});
    expect_registered(start(request(name))->wait(), name);
  }
}

TEST_F(UploadRetryTest, FailsOnOffsetBeyondFile) {
  server_.set_faults(
      {{.phase = Phase::probe,
        .occurrence = -1,
        .answer = http_answer(200, R"({"error":"x","progress":36988,"status":500})")}});
  const Report report = start(request())->wait();
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
  EXPECT_EQ(report.retries, 0U);
  EXPECT_EQ(verifies(), 0);
}

TEST_F(UploadRetryTest, ProgressRestoresRetryBudget) {
  options_.retry.retries = 1;
  std::vector<Fault> faults;
  for (int i = 0; i < 4 * chunks; i += 2)  // every chunk fails once
    faults.push_back({.phase = Phase::transfer, .occurrence = i, .answer = http_answer(503, "")});
  server_.set_faults(faults);
  const Report report = start(request())->wait();
  expect_registered(report);
  EXPECT_GE(report.retries, static_cast<std::uint64_t>(chunks));
}

TEST_F(UploadRetryTest, FailsAfterRetryBudget) {
  server_.set_faults(
      {{.phase = Phase::transfer, .occurrence = -1, .answer = http_answer(503, "")}});
  const Report report = start(request())->wait();
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::unreachable);
  EXPECT_EQ(report.retries, 10U);
  EXPECT_THAT(report.error->message,
              HasSubstr("gave up after 11 attempts without progress; nothing was registered"));
  EXPECT_THAT(warnings(), HasSubstr("(retry 10 of 10)"));
  EXPECT_THAT(warnings(), Not(HasSubstr("nothing was registered")))
      << "a retried error does not end the upload";
}

TEST_F(UploadRetryTest, RetriesRefusedConnections) {
  options_.retry.retries = 3;
  auto asked = request();
  asked.base_url = ScriptedServer().url();
  const Report report = start(asked)->wait();
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::unreachable);
  EXPECT_EQ(report.retries, 3U);
  asked.base_url = "http://no-such-host.invalid";
  EXPECT_EQ(start(asked)->wait().retries, 3U);
}

/// The phased server answers 500 to a wrong token and to any internal error.
TEST_F(UploadRetryTest, RetriesPhased500IfTokenIsAccepted) {
  const std::string stumble = http_answer(500, R"({"status":500,"error":"Internal Server Error"})");
  server_.set_faults({{.phase = Phase::transfer, .occurrence = 1, .answer = stumble},
                      {.phase = Phase::probe, .occurrence = 0, .answer = stumble}});
  expect_registered(start(request())->wait());
  EXPECT_THAT(warnings(), HasSubstr("but accepts the token"));
  write("second", file_size);
  server_.set_faults(
      token_refused({.phase = Phase::transfer, .occurrence = 1, .answer = stumble}, 0));
  const Report report = start(request("second"))->wait();
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::token_refused);
}

TEST_F(UploadRetryTest, CancelEndsBackoff) {
  options_.retry = {.retries = 10, .first = 3600s, .longest = 3600s};
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = -1,
                       .answer = http_answer(503, "", "Retry-After: 3600\r\n")}});
  auto upload = start(request());
  ASSERT_TRUE(server_.wait_for(Phase::transfer));
  upload->cancel();
  const Report report = upload->wait();
  EXPECT_EQ(report.status, Status::interrupted);
}

TEST_F(UploadRetryTest, DoesNotRetryReadError) {
  server_.set_faults(
      {{.phase = Phase::transfer,
        .before = [this] { std::filesystem::resize_file(directory_ / "scan.h5", 1); },
        .carried_out = true}});
  const Report report = start(request())->wait();
  EXPECT_EQ(report.error->kind, ErrorKind::local_file);
  EXPECT_EQ(report.retries, 0U);
}

}  // namespace
}  // namespace sluice::upload_retry_test
