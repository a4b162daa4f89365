#include "engine/protocol/answer_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/text.h"

namespace sluice::answer_errors_test {
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

TEST(AnswerErrors, CommonErrorsMeanTheSameAtEveryStep) {
  const std::vector<int> common = {401, 408, 413, 429, 502, 503, 504};
  // These refusals do not tell whether a registration took effect.
  const std::vector<int> refusals = {403, 405, 407, 501, 507, 511};
  const auto is_in = [](const std::vector<int>& list, int status) {
    return std::find(list.begin(), list.end(), status) != list.end();
  };
  for (const auto step :
       {Step::begin, Step::chunk, Step::ask_committed, Step::join, Step::finish, Step::whole})
    for (int status = 200; status < 600; ++status) {
      const bool apart = step == Step::join || step == Step::finish || step == Step::whole;
      const bool known = (status >= 300 && status < 400) || is_in(common, status) ||
                         (!apart && is_in(refusals, status));
      EXPECT_EQ(errors().common(answer(status), step, true).has_value(), known) << status;
    }
}

TEST(AnswerErrors, LastingRefusalsGetOneOrFewTries) {
  const auto of = [](int status, bool proven, const std::string& body = {}) {
    return *errors().common(answer(status, body), Step::chunk, proven);
  };
  for (const bool proven : {false, true}) {
    for (const int status : {403, 511}) {
      EXPECT_TRUE(of(status, proven).retryable) << status;
      EXPECT_EQ(of(status, proven).most_tries, few_tries) << status;
    }
    for (const int status : {407, 507}) EXPECT_FALSE(of(status, proven).retryable) << status;
    for (const int status : {405, 501}) EXPECT_EQ(of(status, proven).retryable, proven) << status;
    for (const int status : {400, 413, 422, 500})
      EXPECT_FALSE(of(status, proven, "Storage quota exceeded").retryable) << status;
  }
  for (const int status : {403, 405, 407, 501, 507, 511})
    EXPECT_EQ(of(status, true).kind, ErrorKind::failed) << "the error is about this file only";
}

TEST(AnswerErrors, NotUnderstoodIsAsPersistentAsItsStatus) {
  const auto of = [](int status, bool retryable) {
    return errors().not_understood(answer(status), Step::chunk, retryable);
  };
  for (const int status : {400, 404, 418, 422, 451, 505}) {
    EXPECT_EQ(of(status, true).most_tries, few_tries) << status;
    EXPECT_TRUE(of(status, true).retryable) << status;
    EXPECT_FALSE(of(status, false).retryable) << status;
  }
  for (const int status : {200, 204, 408, 423, 425, 429, 499, 500, 520, 530}) {
    EXPECT_EQ(of(status, true).most_tries, 0U) << status;
    EXPECT_TRUE(of(status, true).retryable) << status;
  }
}

TEST(AnswerErrors, RefusalNamesRequestSenderAndAdministrators) {
  AnswerErrors known = errors();
  known.asked(Request::Method::patch, 5242880);
  Answer page = answer(403, "<html><title>Request Rejected</title></html>");
  page.headers = {{"server", "nginx/1.22\x1b[2J"}};
  const std::string message = known.common(page, Step::chunk, true)->message;
  for (const char* says :
       {"sending a chunk of 'a b.h5' at offset 5242880 (PATCH): a reverse proxy in front of the "
        "Data "
        "Bank ('nginx/1.22?[2J') refused the request (HTTP 403, HTML page 'Request Rejected')",
        "the administrators of the reverse proxy or firewall"})
    EXPECT_THAT(message, HasSubstr(says));
  EXPECT_THAT(known.common(answer(403, "no"), Step::chunk, true)->message,
              HasSubstr("the server refused the request (HTTP 403, 'no')"));
  known.asked(Request::Method::head);
  EXPECT_THAT(known.common(answer(405), Step::ask_committed, true)->message,
              HasSubstr("does not allow HEAD (HTTP 405"));
  Answer proxy = answer(407, "log in");
  proxy.headers = {{"via", "1.1 campus (squid)"}};
  EXPECT_THAT(
      known.common(proxy, Step::chunk, true)->message,
      HasSubstr("the proxy ('1.1 campus (squid)') requires a user name and a password (HTTP "
                "407, 'log in')"));
}

TEST(AnswerErrors, NoRoomIgnoresTheFileName) {
  for (const char* text : {"quota exceeded", "Your Quota has been EXCEEDED.", "over quota",
                           "Disk quota exceeded @ io", "user has reached the quota"})
    EXPECT_EQ(no_room(text, "a.h5"), Persistence::permanent) << text;
  for (const char* text : {"No space left on device @ rb_sysopen - /x", "disk full",
                           "<title>507 Insufficient Storage</title>"})
    EXPECT_EQ(no_room(text, "a.h5"), Persistence::few_tries) << text;
  for (const char* text :
       {"", "quota", "no room here", "File with the name over quota.csv is there", "exceeded",
        "space left on device: 5 GiB"})
    EXPECT_FALSE(no_room(text, "over quota.csv")) << text;
}

TEST(AnswerErrors, CommonErrorsHaveKindAndRetryability) {
  const auto of = [](int status, bool proven = true) {
    return *errors().common(answer(status), Step::chunk, proven);
  };
  EXPECT_EQ(of(401).kind, ErrorKind::token_refused);
  EXPECT_FALSE(of(401).retryable);
  EXPECT_TRUE(of(302).retryable) << "a reverse proxy that has lost the server";
  EXPECT_FALSE(of(302, false).retryable);
  EXPECT_EQ(of(413).kind, ErrorKind::failed);
  EXPECT_TRUE(of(413).retryable);
  for (const int status : {408, 429, 502, 503, 504}) {
    EXPECT_EQ(of(status).kind, ErrorKind::unreachable) << status;
    EXPECT_TRUE(of(status).retryable) << status;
    EXPECT_EQ(of(status).code, status);
  }
}

TEST(AnswerErrors, NamesTheFileAndTheRequest) {
  EXPECT_EQ(errors().doing(Step::chunk), "sending a chunk of 'a b.h5'");
  AnswerErrors known = errors();
  known.asked(Request::Method::patch, 7);
  EXPECT_EQ(known.doing(Step::chunk), "sending a chunk of 'a b.h5' at offset 7 (PATCH)");
  EXPECT_THAT(errors().common(answer(503), Step::begin, true)->message, HasSubstr("'a b.h5'"));
  EXPECT_THAT(errors().no_such_dataset(answer(404), Step::begin).message, HasSubstr("IDB-1"));
  EXPECT_THAT(errors().token_refused(answer(401), Step::chunk, "HTTP 401").message,
              HasSubstr("IDB-1"));
  EXPECT_THAT(errors().not_understood(answer(418), Step::chunk, false).message,
              HasSubstr("tus protocol"));
  Answer cut = answer(200, "half");
  cut.truncated = true;
  EXPECT_THAT(errors().not_understood(cut, Step::chunk, false).message, HasSubstr("cut short"));
}

TEST(AnswerErrors, QuotesAreSafeForTerminalsAndWithoutToken) {
  AnswerErrors known = errors();
  const auto all = [&](const std::string& body) {
    std::string text = known.quoted(body) +
                       known.no_such_dataset(answer(404, body), Step::chunk).message +
                       known.not_understood(answer(500, body), Step::chunk, false).message;
    for (const int status : {302, 401, 403, 405, 407, 408, 413, 429, 501, 503, 507, 511})
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
}  // namespace sluice::answer_errors_test
