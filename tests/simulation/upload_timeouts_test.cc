// Timeouts of an upload, and what follows them, in virtual time.
#include <fmt/format.h>

#include <array>
#include <ostream>
#include <string>

#include "tests/simulation/timed_upload.h"

namespace sluice::sim::upload_timeouts_test {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

/// A request of a protocol.
struct Place {
  Bank::Generation generation;
  Step step;
};
void PrintTo(const Place& place, std::ostream* out) {
  *out << to_string(place.step);
}
std::string place_name(const testing::TestParamInfo<Place>& info) {
  constexpr std::array names{"phased", "tus", "binary"};
  return fmt::format("{}_{}", names.at(static_cast<std::size_t>(info.param.generation)),
                     to_string(info.param.step));
}

constexpr Bank::Generation phased = Bank::Generation::phased;
constexpr Bank::Generation tus = Bank::Generation::tus;
constexpr Bank::Generation binary = Bank::Generation::binary;

class UploadTimeout : public TimedUpload, public testing::WithParamInterface<Place> {
 protected:
  UploadTimeout() {
    speak(GetParam().generation);
    if (GetParam().step == Step::ask) request().name = "my scan.h5";
    // A HEAD comes only after a failure.
    if (GetParam().step == Step::head)
      strike({.step = Step::patch, .answer = reply(503), .carried_out = false});
  }
  Step step() const { return GetParam().step; }
  /// Whether the server cannot be asked if the file is registered.
  bool ends_in_doubt() const { return step() == Step::enlist || step() == Step::whole; }
};

/// The server has the whole request, carries nothing out, and never answers.
class SilentServer : public UploadTimeout {};

TEST_P(SilentServer, EndsUploadWithoutRetries) {
  options().retry.retries = 0;
  options().register_wait = 0s;
  strike({.step = step(), .fault = Fault::swallowed_request});
  const Report report = upload();
  if (registers(step()))
    expect_error(report, Status::unconfirmed, ErrorKind::unconfirmed, "is unconfirmed");
  else
    expect_error(report, Status::failed, ErrorKind::unreachable, "timed out");
  EXPECT_EQ(count(step()), 1U);
  EXPECT_TRUE(bank_.registered.empty());
  EXPECT_NEAR(took(), registers(step()) ? 600 : 150, 2);
}

TEST_P(SilentServer, ObeysResponseTimeout) {
  options().retry.retries = 0;
  options().register_wait = 0s;
  options().response_timeout = 7s;
  strike({.step = step(), .fault = Fault::swallowed_request});
  static_cast<void>(upload());
  EXPECT_NEAR(took(), 7, 1);
}

class SilentServerOnce : public UploadTimeout {};

TEST_P(SilentServerOnce, IsRetriedAndRegistersOnce) {
  strike({.step = step(), .fault = Fault::swallowed_request});
  const Report report = upload();
  if (ends_in_doubt()) {
    expect_error(report, Status::unconfirmed, ErrorKind::unconfirmed, "is unconfirmed");
    EXPECT_TRUE(bank_.registered.empty());
    EXPECT_EQ(count(step()), 1U);
    return;
  }
  expect_registered(report);
  EXPECT_LE(report.retries, 2U);
  EXPECT_GE(took(), 150);
}

class SilentServerAhead : public UploadTimeout {};

TEST_P(SilentServerAhead, IsRetriedWithChunksInFlight) {
  request().lookahead = 2;
  strike({.step = step(),
          .occurrence = step() == Step::chunk ? 1 : 0,
          .fault = Fault::swallowed_request});
  const Report report = upload();
  expect_registered(report);
  EXPECT_LE(report.retries, 2U);
}

const Place of_phased[] = {{phased, Step::ask},
                           {phased, Step::setup},
                           {phased, Step::chunk},
                           {phased, Step::probe},
                           {phased, Step::verify}};
const Place of_others[] = {
    {tus, Step::create}, {tus, Step::patch}, {tus, Step::enlist}, {binary, Step::whole}};
const Place of_retries[] = {{tus, Step::head}};  // sent only after a failure

INSTANTIATE_TEST_SUITE_P(Phased, SilentServer, testing::ValuesIn(of_phased), place_name);
INSTANTIATE_TEST_SUITE_P(Others, SilentServer, testing::ValuesIn(of_others), place_name);
INSTANTIATE_TEST_SUITE_P(Phased, SilentServerOnce, testing::ValuesIn(of_phased), place_name);
INSTANTIATE_TEST_SUITE_P(Others, SilentServerOnce, testing::ValuesIn(of_others), place_name);
INSTANTIATE_TEST_SUITE_P(Retries, SilentServerOnce, testing::ValuesIn(of_retries), place_name);
INSTANTIATE_TEST_SUITE_P(Phased, SilentServerAhead, testing::ValuesIn(of_phased), place_name);

/// The server reads the beginning of a body, and then nothing.
class StalledBody : public UploadTimeout {
 protected:
  StalledBody() {
    request().chunk_bytes = 0;
    network_.most_under_way = 8192;  // what the client's and the server's kernel hold
    strike({.step = step(), .fault = Fault::stalled_body, .at = 1000});
  }
};

TEST_P(StalledBody, EndsUploadWithoutRetries) {
  options().retry.retries = 0;
  expect_error(upload(), Status::failed, ErrorKind::unreachable, "timed out");
  EXPECT_NEAR(took(), 60, 1);
  EXPECT_TRUE(bank_.registered.empty());
}

/// Also over binary: no server acts on an incomplete request.
TEST_P(StalledBody, IsRetriedAndRegistersOnce) {
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.retries, 1U);
  EXPECT_NEAR(took(), 60, 3);
}

INSTANTIATE_TEST_SUITE_P(All, StalledBody,
                         testing::Values(Place{phased, Step::chunk}, Place{tus, Step::patch},
                                         Place{binary, Step::whole}),
                         place_name);

class RetryDelay : public TimedUpload {};

TEST_F(RetryDelay, IsRetryAfterUpToAnHour) {
  Answer busy = reply(503);
  busy.retry_after = 100'000s;
  strike({.step = Step::setup, .answer = busy});
  expect_registered(upload());
  EXPECT_NEAR(took(), 3600, 2);
  EXPECT_THAT(warnings_, HasSubstr("retrying in 3600."));
}

TEST_F(RetryDelay, GrowsUntilBudgetIsSpent) {
  strike({.step = Step::chunk, .occurrence = -1, .answer = reply(503)});
  strike({.step = Step::probe, .occurrence = -1, .answer = reply(503)});
  const Report report = upload();
  expect_error(report, Status::failed, ErrorKind::unreachable, "gave up after 11 attempts");
  EXPECT_EQ(report.retries, 10U);
  // Each delay is random, up to 0.25 s, 0.5 s and so on until 60 s.
  EXPECT_GT(took(), 10);
  EXPECT_LT(took(), 0.25 * 255 + 2 * 60 + 1);
}

/// The server refuses a token that has expired, and the user provides another one after a while.
class ExpiredToken : public TimedUpload {
 protected:
  ExpiredToken() {
    request().token_wait = 60s;
    strike({.step = Step::chunk, .occurrence = 1, .before = [this] { bank_.token = "t0k3n-1"; }});
  }
};

TEST_F(ExpiredToken, IsReplacedOnceUserHasAnother) {
  int looked = 0;
  request().renew_token = [&]() -> std::optional<Secret> {
    return Secret(++looked < 8 ? "t0k3n-0" : "t0k3n-1");
  };
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(looked, 8);
  EXPECT_NEAR(took(), 10 + 7 * 2, 1) << "10 s to check the refusal, and 2 s for each look";
  EXPECT_THAT(warnings_, HasSubstr("/datasets/IDB-1234567/edit"));
}

TEST_F(ExpiredToken, EndsUploadWithoutTokenWait) {
  request().token_wait = 0s;
  int looked = 0;
  request().renew_token = [&] {
    ++looked;
    return Secret("t0k3n-0");
  };
  expect_error(upload(), Status::failed, ErrorKind::token_refused, "token");
  EXPECT_EQ(looked, 1);
}

TEST_F(ExpiredToken, EndsUploadAfterTokenWait) {
  request().renew_token = [] { return Secret("t0k3n-0"); };
  const Report report = upload();
  expect_error(report, Status::failed, ErrorKind::token_refused, "token");
  EXPECT_NEAR(took(), 10 + 60, 1) << "10 s to check the refusal";
  EXPECT_TRUE(bank_.registered.empty());
}

/// A refusal of the token is checked by questions with pauses between them.
class RefusedToken : public UploadTimeout {
 protected:
  RefusedToken() { request().server.token_taken = false; }
  /// Refuses the step and the questions that check the refusal, without another token.
  Report refuse(const Answer& refusal) {
    const int names_asked = step() == Step::ask ? 1 : 0;
    strike({.step = step(), .answer = refusal});
    for (int i = 0; i < 5; ++i)
      strike({.step = Step::ask, .occurrence = names_asked + i, .answer = refusal});
    const Report report = upload();
    questions_ = count(Step::ask) - static_cast<std::size_t>(names_asked);
    return report;
  }
  std::size_t questions_ = 0;
};

TEST_P(RefusedToken, EndsUploadAfterSecondQuestion) {
  const Report report = refuse(reply(401, "HTTP Token: Access denied.\n"));
  expect_error(report, Status::failed, ErrorKind::token_refused, "401");
  EXPECT_THAT(report.error->message, Not(HasSubstr("is unconfirmed")));
  EXPECT_EQ(questions_, 2U);
  EXPECT_NEAR(took(), 1, 0.5);
}

/// The phased server answers 500 to a wrong token and to an internal error.
TEST_P(RefusedToken, EndsUploadAfterFiveQuestionsIfTokenWasAccepted) {
  options().retry.retries = 0;
  options().register_wait = 0s;
  const Report report = refuse(reply(500, R"({"status":500,"error":"Internal Server Error"})"));
  if (step() == Step::verify) {
    expect_error(report, Status::unconfirmed, ErrorKind::unconfirmed, "Internal Server Error");
    return;
  }
  expect_error(report, Status::failed, ErrorKind::token_refused, "Internal Server Error");
  const bool accepted_before = step() == Step::chunk || step() == Step::probe;
  EXPECT_EQ(questions_, accepted_before ? 5U : 2U);
  EXPECT_NEAR(took(), accepted_before ? 10 : 1, 1);
}

INSTANTIATE_TEST_SUITE_P(Phased, RefusedToken, testing::ValuesIn(of_phased), place_name);

}  // namespace
}  // namespace sluice::sim::upload_timeouts_test
