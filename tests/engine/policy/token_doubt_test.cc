#include "engine/policy/token_doubt.h"

#include <gtest/gtest.h>

namespace sluice::token_doubt_test {
namespace {

using Verdict = TokenDoubt::Verdict;

Answer answer(int status, std::string body, std::string type = {}) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  if (!type.empty()) answer.headers = {{"content-type", std::move(type)}};
  return answer;
}

const Answer denied = answer(401, "HTTP Token: Access denied.\n");
const Answer accepted_by_tus = answer(500, "invalid request");
const Answer accepted_by_phased = answer(500, "missing paramter: filesize\n");
const Answer page = answer(401, "<html>401 Authorization Required</html>", "text/html");

TokenDoubt doubt(int status = 401, bool worked = false) {
  return {Error{ErrorKind::token_refused, "refused", status}, {}, {}, worked};
}

TEST(TokenDoubt, AcceptsAfterAPositiveAnswer) {
  EXPECT_EQ(doubt().heard(accepted_by_tus), Verdict::accepted);
  EXPECT_EQ(doubt().heard(accepted_by_phased), Verdict::accepted);
}

TEST(TokenDoubt, RefusesAfterTwoConsecutiveRefusals) {
  for (const Answer& refusal :
       {denied, answer(500, R"({"status":500,"error":"Internal Server Error"})"),
        // as some versions of Rails send the body
        answer(401, "HTTP Token: Access denied.\n", "text/html; charset=utf-8")}) {
    TokenDoubt asked = doubt();
    EXPECT_EQ(asked.heard(refusal), Verdict::ask_again);
    EXPECT_EQ(asked.heard(refusal), Verdict::refused);
    TokenDoubt restarted = doubt();
    EXPECT_EQ(restarted.heard(refusal), Verdict::ask_again);
    EXPECT_EQ(restarted.heard(accepted_by_tus), Verdict::accepted);
  }
}

/// The phased generation's 500 may be any internal error, for as long as that error lasts.
TEST(TokenDoubt, RefusesAfterFiveRefusalsOn500IfTheTokenWorked) {
  const Answer failed = answer(500, R"({"status":500,"error":"Internal Server Error"})");
  TokenDoubt worked = doubt(500, true);
  for (int i = 1; i < 5; ++i) {
    EXPECT_EQ(worked.heard(failed), Verdict::ask_again);
    EXPECT_EQ(worked.pause(), std::chrono::seconds(i));
  }
  EXPECT_EQ(worked.heard(failed), Verdict::refused);
  for (TokenDoubt other : {doubt(500, false), doubt(401, true)}) {
    EXPECT_EQ(other.heard(failed), Verdict::ask_again);
    EXPECT_EQ(other.heard(failed), Verdict::refused);
  }
}

TEST(TokenDoubt, IgnoresAnswersOfFrontServers) {
  for (const Answer& other :
       {page, answer(502, "<html>502 Bad Gateway</html>"), answer(503, ""), answer(429, ""),
        answer(404, "<html>404 Not Found</html>"), answer(403, "no"), answer(200, "welcome")})
    EXPECT_EQ(doubt().heard(other), Verdict::unknown) << other.status;
  EXPECT_EQ(doubt().heard(Error{ErrorKind::unreachable, "refused", 7, true}), Verdict::unknown);
}

TEST(TokenDoubt, ReportsAMissingDataset) {
  EXPECT_EQ(doubt().heard(answer(404, "Dataset Not Found\n")), Verdict::no_dataset);
}

}  // namespace
}  // namespace sluice::token_doubt_test
