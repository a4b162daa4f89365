#include <gtest/gtest.h>

#include <chrono>

#include "tools/databankd/token.h"

namespace sluice::databankd {
namespace {

using std::chrono::seconds;

TEST(Token, HoldsUntilItExpires) {
  const Token::Clock::time_point start = Token::Clock::now();
  const Token token("secret", start + seconds(10));
  EXPECT_TRUE(token.accepts("secret", start));
  EXPECT_TRUE(token.accepts("secret", start + seconds(9)));
  EXPECT_FALSE(token.accepts("secret", start + seconds(10)));
}

TEST(Token, IsTakenWhole) {
  const Token::Clock::time_point start = Token::Clock::now();
  const Token token("secret", start + seconds(10));
  for (const char* wrong : {"", "secre", "secrets", "Secret", "xxxxxx"})
    EXPECT_FALSE(token.accepts(wrong, start)) << wrong;
}

TEST(PresentedToken, IsReadInBothForms) {
  EXPECT_EQ(presented_token("Token token=abc"), "abc");
  EXPECT_EQ(presented_token("Token token=\"abc\""), "abc");
  EXPECT_EQ(presented_token("Token  token=abc"), "abc");
  EXPECT_EQ(presented_token("Token token=\"abc\", nonce=\"def\""), "abc");
  EXPECT_EQ(presented_token("Token token=a=b=="), "a=b==");
}

TEST(PresentedToken, IsMissingInAnyOtherForm) {
  for (const char* header :
       {"", "Token", "Token ", "Token token", "Token token=", "Token token=\"\"", "Basic dTpw",
        "token=abc", "Token key=abc", "Tokentoken=abc"})
    EXPECT_EQ(presented_token(header), std::nullopt) << header;
}

}  // namespace
}  // namespace sluice::databankd
