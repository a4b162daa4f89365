#include "engine/token_doubt.h"

#include <gtest/gtest.h>

namespace sluice {
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

TokenDoubt doubt() {
  return {Error{ErrorKind::token_refused, "refused", 401}, {}, {}};
}

TEST(TokenDoubt, AServerThatAcceptsTheTokenHasNotRefusedIt) {
  EXPECT_EQ(doubt().heard(accepted_by_tus), Verdict::accepted);
  EXPECT_EQ(doubt().heard(accepted_by_phased), Verdict::accepted);
}

TEST(TokenDoubt, OnlyTheSecondRefusalInARowDecides) {
  for (const Answer& refusal :
       {denied, answer(500, R"({"status":500,"error":"Internal Server Error"})"),
        // As some versions of Rails send it.
        answer(401, "HTTP Token: Access denied.\n", "text/html; charset=utf-8")}) {
    TokenDoubt asked = doubt();
    EXPECT_EQ(asked.heard(refusal), Verdict::ask_again);
    EXPECT_EQ(asked.heard(refusal), Verdict::refused);
    TokenDoubt restarted = doubt();
    EXPECT_EQ(restarted.heard(refusal), Verdict::ask_again);
    EXPECT_EQ(restarted.heard(accepted_by_tus), Verdict::accepted);
  }
}

TEST(TokenDoubt, NothingButTheDataBankItselfDecides) {
  for (const Answer& other :
       {page, answer(502, "<html>502 Bad Gateway</html>"), answer(503, ""), answer(429, ""),
        answer(404, "<html>404 Not Found</html>"), answer(403, "no"), answer(200, "welcome")})
    EXPECT_EQ(doubt().heard(other), Verdict::unknown) << other.status;
  EXPECT_EQ(doubt().heard(Error{ErrorKind::unreachable, "refused", 7, true}), Verdict::unknown);
}

TEST(TokenDoubt, ADatasetThatIsNoDraftAnyMoreIsNoMatterOfTheToken) {
  EXPECT_EQ(doubt().heard(answer(404, "Dataset Not Found\n")), Verdict::no_dataset);
}

}  // namespace
}  // namespace sluice
