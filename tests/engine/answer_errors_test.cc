#include "engine/answer_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/text.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;
using Step = Request::Step;

constexpr const char* token = "0123456789abcdef";

AnswerErrors errors() {
  return {{.dataset = "IDB-1", .name = "a b.h5", .size = 1}, "tus", Secret(token)};
}
Answer answer(int status, std::string body = {}) {
  return {.status = status, .body = std::move(body)};
}

TEST(AnswerErrors, OnlyWhatMeansTheSameEverywhereIsCommon) {
  const std::vector<int> common = {300, 301, 302, 307, 308, 399, 401, 408, 413, 429, 502, 503, 504};
  for (int status = 200; status < 600; ++status) {
    const bool known = (status >= 300 && status < 400) ||
                       std::find(common.begin(), common.end(), status) != common.end();
    EXPECT_EQ(errors().common(answer(status), Step::chunk, true).has_value(), known) << status;
  }
}

TEST(AnswerErrors, KindsAndWhetherARetryCanHelp) {
  const auto of = [](int status, bool proven = true) {
    return *errors().common(answer(status), Step::chunk, proven);
  };
  EXPECT_EQ(of(401).kind, ErrorKind::token_refused);
  EXPECT_FALSE(of(401).retryable);
  EXPECT_TRUE(of(302).retryable) << "a front server that has lost its back end";
  EXPECT_FALSE(of(302, false).retryable);
  EXPECT_EQ(of(413).kind, ErrorKind::failed);
  EXPECT_TRUE(of(413).retryable);
  for (const int status : {408, 429, 502, 503, 504}) {
    EXPECT_EQ(of(status).kind, ErrorKind::unreachable) << status;
    EXPECT_TRUE(of(status).retryable) << status;
    EXPECT_EQ(of(status).code, status);
  }
}

TEST(AnswerErrors, NamesTheFileAndWhatWasBeingDone) {
  EXPECT_EQ(errors().doing(Step::chunk), "sending a chunk for 'a b.h5'");
  EXPECT_THAT(errors().common(answer(503), Step::begin, true)->message, HasSubstr("'a b.h5'"));
  EXPECT_THAT(errors().no_such_dataset(answer(404)).message, HasSubstr("IDB-1"));
  EXPECT_THAT(errors().token_refused(answer(401), Step::chunk, "401", false).message,
              HasSubstr("IDB-1"));
  EXPECT_THAT(errors().not_understood(answer(418), Step::chunk, false).message,
              HasSubstr("tus protocol"));
  Answer cut = answer(200, "half");
  cut.truncated = true;
  EXPECT_THAT(errors().not_understood(cut, Step::chunk, false).message, HasSubstr("cut short"));
}

TEST(AnswerErrors, WhatIsQuotedIsFitToShowAndHoldsNoToken) {
  AnswerErrors known = errors();
  const auto all = [&](const std::string& body) {
    std::string text = known.quoted(body) + known.no_such_dataset(answer(404, body)).message +
                       known.not_understood(answer(500, body), Step::chunk, false).message;
    for (const int status : {302, 401, 408, 413, 429, 503})
      text += known.common(answer(status, body), Step::chunk, true)->message;
    EXPECT_TRUE(is_utf8(text));
    EXPECT_EQ(printable(text), text);
    return text;
  };
  for (const std::string& around : {std::string(), std::string(195, 'x'),
                                    std::string("\x1b[2J\r\n\xFF"), std::string("<title>")})
    EXPECT_THAT(all(around + token + around), Not(HasSubstr("0123456")));
  known.replace_token(Secret("fedcba9876543210"));
  EXPECT_THAT(all("you sent fedcba9876543210"), Not(HasSubstr("fedcba")));
}

}  // namespace
}  // namespace sluice
