#include "engine/upload/token_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/upload/fake_transport.h"

namespace sluice::token_check_test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::SizeIs;
using Verdict = TokenDoubt::Verdict;

Answer answer(int status, std::string body) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

class TokenCheckTest : public testing::Test {
 protected:
  TokenCheckTest() {
    check_.doubt({Error{ErrorKind::token_refused, "refused", 401}, 7s, {}, false});
  }

  void ask(const std::string& token = "secret-token") {
    check_.ask(transport_, Secret(token),
               [this](const TokenCheck::Finding& finding) { findings_.push_back(finding); });
  }

  test::FakeTransport transport_;
  TokenCheck check_{"https://bank.example", "IDB-1234567"};
  std::vector<TokenCheck::Finding> findings_;
};

TEST_F(TokenCheckTest, AsksForDatasetWithCurrentToken) {
  ask("new-token");
  ASSERT_THAT(transport_.started, SizeIs(1));
  const Exchange& exchange = transport_.started[0].exchange;
  EXPECT_EQ(exchange.url, "https://bank.example/api/dataset/IDB-1234567/datafile");
  EXPECT_THAT(exchange.headers, Contains("Authorization: Token token=new-token"));
  EXPECT_THAT(findings_, SizeIs(0));
}

TEST_F(TokenCheckTest, ReportsVerdictAndRefusal) {
  ask();
  transport_.answer(0, answer(500, "invalid request"));
  ASSERT_THAT(findings_, SizeIs(1));
  EXPECT_EQ(findings_[0].verdict, Verdict::accepted);
  EXPECT_TRUE(findings_[0].is_answered);
  EXPECT_FALSE(findings_[0].is_late);
  EXPECT_EQ(findings_[0].doubt.refusal().message, "refused");
  EXPECT_EQ(findings_[0].doubt.retry_after(), 7s);
}

TEST_F(TokenCheckTest, CountsRefusalsOfAllQuestions) {
  ask();
  transport_.answer(0, answer(401, "HTTP Token: Access denied.\n"));
  EXPECT_EQ(findings_.back().verdict, Verdict::ask_again);
  EXPECT_EQ(check_.pause(), 1s);
  ask();
  transport_.answer(1, answer(401, "HTTP Token: Access denied.\n"));
  EXPECT_EQ(findings_.back().verdict, Verdict::refused);
}

TEST_F(TokenCheckTest, NextDoubtStartsANewCount) {
  ask();
  transport_.answer(0, answer(401, "HTTP Token: Access denied.\n"));
  check_.doubt({Error{ErrorKind::token_refused, "refused again", 401}, {}, {}, false});
  ask();
  transport_.answer(1, answer(401, "HTTP Token: Access denied.\n"));
  EXPECT_EQ(findings_.back().verdict, Verdict::ask_again);
}

TEST_F(TokenCheckTest, DistinguishesTimeoutFromOtherFailures) {
  ask();
  transport_.fail(0, {ErrorKind::unreachable, "no answer", Transport::unanswered});
  EXPECT_EQ(findings_.back().verdict, Verdict::unknown);
  EXPECT_FALSE(findings_.back().is_answered);
  EXPECT_TRUE(findings_.back().is_late);
  ask();
  transport_.fail(1, {ErrorKind::unreachable, "connection refused", 7});
  EXPECT_FALSE(findings_.back().is_answered);
  EXPECT_FALSE(findings_.back().is_late);
}

/// The caller may be a callback of the transport, in which no exchange may be cancelled.
TEST_F(TokenCheckTest, CancelsQuestionInPostedWork) {
  ask();
  check_.cancel(transport_);
  EXPECT_FALSE(transport_.started[0].cancelled);
  transport_.run();
  EXPECT_TRUE(transport_.started[0].cancelled);
  EXPECT_THAT(findings_, SizeIs(1));
}

TEST_F(TokenCheckTest, CancelsNothingAfterTheAnswer) {
  ask();
  transport_.answer(0, answer(500, "invalid request"));
  ask();
  transport_.answer(1, answer(500, "invalid request"));
  check_.cancel(transport_);
  transport_.run();
  EXPECT_FALSE(transport_.started[0].cancelled);
  EXPECT_FALSE(transport_.started[1].cancelled);
}

}  // namespace
}  // namespace sluice::token_check_test
