#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/temp_dir.h"
#include "tools/databankd/store/token.h"

namespace sluice::databankd::token_test {
namespace {

using std::chrono::seconds;
using test::TempDir;
using test::write_file;

TEST(Token, IsAcceptedUntilItExpires) {
  const Token::Clock::time_point start = Token::Clock::now();
  const Token token("secret", start + seconds(10));
  EXPECT_TRUE(token.accepts("secret", start));
  EXPECT_TRUE(token.accepts("secret", start + seconds(9)));
  EXPECT_FALSE(token.accepts("secret", start + seconds(10)));
}

TEST(Token, IsComparedWhole) {
  const Token::Clock::time_point start = Token::Clock::now();
  const Token token("secret", start + seconds(10));
  for (const char* wrong : {"", "secre", "secrets", "Secret", "xxxxxx"})
    EXPECT_FALSE(token.accepts(wrong, start)) << wrong;
}

TEST(DatasetToken, IsReplacedByNewTokenInFile) {
  const TempDir files;
  const Token::Clock::time_point start = Token::Clock::now();
  write_file(files / "token", "old\n");
  DatasetToken token({"old", seconds(10), files / "token"}, start);
  EXPECT_TRUE(token.accepts("old", start));
  write_file(files / "token", "new \r\n");
  EXPECT_TRUE(token.accepts("old", start + seconds(1)));  // the file was not read yet
  EXPECT_TRUE(token.accepts("new", start + seconds(5)));
  EXPECT_FALSE(token.accepts("old", start + seconds(5)));  // a dataset has one token
  EXPECT_TRUE(token.accepts("new", start + seconds(14)));  // the new token has its own lifetime
  EXPECT_FALSE(token.accepts("new", start + seconds(15)));
}

TEST(DatasetToken, IsReplacedAfterItExpired) {
  const TempDir files;
  const Token::Clock::time_point start = Token::Clock::now();
  write_file(files / "token", "old\n");
  DatasetToken token({"old", seconds(10), files / "token"}, start);
  EXPECT_FALSE(token.accepts("old", start + seconds(10)));
  EXPECT_FALSE(token.accepts("old", start + seconds(11)));  // the same token in the file is not new
  write_file(files / "token", "new\n");
  EXPECT_FALSE(token.accepts("old", start + seconds(100)));
  EXPECT_TRUE(token.accepts("new", start + seconds(109)));  // it was read at 100
  EXPECT_FALSE(token.accepts("new", start + seconds(110)));
}

TEST(DatasetToken, CanExpireAtOnce) {
  const TempDir files;
  const Token::Clock::time_point start = Token::Clock::now();
  write_file(files / "token", "old\n");
  DatasetToken token({"old", seconds(10), files / "token"}, start);
  token.expire();
  EXPECT_FALSE(token.accepts("old", start));
  write_file(files / "token", "new\n");
  EXPECT_TRUE(token.accepts("new", start));
}

TEST(DatasetToken, IsKeptIfFileIsEmptyOrMissing) {
  const TempDir files;
  const Token::Clock::time_point start = Token::Clock::now();
  DatasetToken missing({"old", seconds(10), files / "none"}, start);
  EXPECT_FALSE(missing.accepts("new", start));
  EXPECT_TRUE(missing.accepts("old", start));
  write_file(files / "empty", "\n");
  DatasetToken empty({"old", seconds(10), files / "empty"}, start);
  EXPECT_FALSE(empty.accepts("", start));
  EXPECT_TRUE(empty.accepts("old", start));
  DatasetToken nowhere({"old", seconds(10), {}}, start);
  EXPECT_FALSE(nowhere.accepts("new", start));
  EXPECT_TRUE(nowhere.accepts("old", start));
}

TEST(PresentedToken, IsParsedInBothForms) {
  EXPECT_EQ(presented_token("Token token=abc"), "abc");
  EXPECT_EQ(presented_token("Token token=\"abc\""), "abc");
  EXPECT_EQ(presented_token("Token  token=abc"), "abc");
  EXPECT_EQ(presented_token("Token token=\"abc\", nonce=\"def\""), "abc");
  EXPECT_EQ(presented_token("Token token=a=b=="), "a=b==");
}

TEST(PresentedToken, IsEmptyForOtherForms) {
  for (const char* header :
       {"", "Token", "Token ", "Token token", "Token token=", "Token token=\"\"", "Basic dTpw",
        "token=abc", "Token key=abc", "Tokentoken=abc"})
    EXPECT_EQ(presented_token(header), std::nullopt) << header;
}

}  // namespace
}  // namespace sluice::databankd::token_test
