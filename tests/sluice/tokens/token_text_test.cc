#include "tools/sluice/tokens/token_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::cli::token_text_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* token = "7f3e9a-the-token-c2b1d8";

std::string utf16(const std::string& text, bool mark) {
  std::string bytes = mark ? "\xFF\xFE" : "";
  for (const char c : text) bytes += std::string{c, '\0'};
  return bytes;
}

TEST(TokenText, IgnoresWhiteSpaceAroundToken) {
  const std::string bare = token;
  for (const std::string& text :
       {bare, bare + "\n", bare + "\r\n", bare + "  \t\n\n", "\n " + bare + "\r\n\r\n",
        "\xEF\xBB\xBF" + bare, "\xEF\xBB\xBF\r\n" + bare + "\r\n", bare + "\v\f"}) {
    const auto parsed = parse_token(text, "the token file t");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->reveal(), bare);
  }
}

/// Tokens of other servers may have characters with special meanings.
TEST(TokenText, AcceptsUnusualTokens) {
  for (const char* odd : {"QUJD==", "a=b", "SECRET=x", "token", "a.b_c~d-e+f/g", "x-token", "{",
                          "tokenizer123", "export"}) {
    const auto parsed = parse_token(odd, "the token file t");
    if (std::string(odd) == "{")
      EXPECT_FALSE(parsed);
    else
      EXPECT_TRUE(parsed) << odd << ": " << parsed.error().message;
  }
}

struct Case {
  std::string text;
  const char* says;
};

TEST(TokenText, DescribesInvalidTexts) {
  const std::string bare = token;
  for (const Case& c : {Case{"\"" + bare + "\"", "quotes around"},
                        {"'" + bare + "'", "quotes around"},
                        {"\u201c" + bare + "\u201d\n", "quotes around"},
                        {bare + "\"", "quotes around"},
                        {"`" + bare + "`", "quotes around"},
                        {"SLUICE_TOKEN=" + bare, "shell assignment"},
                        {"export SLUICE_TOKEN=" + bare + "\n", "shell assignment"},
                        {"export SLUICE_TOKEN=\"" + bare + "\"", "shell assignment"},
                        {"\xEF\xBB\xBFSLUICE_TOKEN='" + bare + "'\r\n", "shell assignment"},
                        {"set SLUICE_TOKEN=" + bare, "shell assignment"},
                        {"$env:SLUICE_TOKEN = \"" + bare + "\"", "shell assignment"},
                        {"sluice_token = " + bare, "shell assignment"},
                        {"Authorization: Token token=" + bare, "HTTP header"},
                        {"authorization: token " + bare, "HTTP header"},
                        {"Token token=" + bare, "HTTP header"},
                        {"Token token=\"" + bare + "\"", "HTTP header"},
                        {"token=" + bare, "HTTP header"},
                        {"Bearer " + bare, "HTTP header"},
                        {"<" + bare + ">", "angle brackets"},
                        {"{\"token\":\"" + bare + "\"}", "JSON"},
                        {"-----BEGIN OPENSSH PRIVATE KEY-----\n" + bare + "\n-----END-----\n",
                         "key or certificate"},
                        {"# for IDB-1\n" + bare + "\n", "2 lines"},
                        {bare + "\r\n\r\n" + bare + "\r\nx", "3 lines"},
                        {bare + " " + bare, "white space inside"},
                        {bare + "\t#comment", "white space inside"},
                        {bare + "\u00a0", "not ASCII"},
                        {utf16(bare, true), "UTF-16"},
                        {utf16(bare, false), "UTF-16"},
                        {"\xFE\xFF" + bare, "UTF-16"},
                        {bare + "\x01", "the token is invalid"},
                        {"", "token is empty"},
                        {"\xEF\xBB\xBF \r\n", "token is empty"}}) {
    const auto parsed = parse_token(c.text, "the token file t");
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_THAT(parsed.error().message, HasSubstr(c.says)) << c.text;
    EXPECT_THAT(parsed.error().message, Not(HasSubstr("7f3e9a"))) << "quotes the token";
    EXPECT_THAT(parsed.error().message, Not(HasSubstr("\n")));
  }
}

TEST(TokenText, NamesSource) {
  EXPECT_THAT(parse_token("'x'", "the environment variable SLUICE_TOKEN").error().message,
              StartsWith("cannot use the token from the environment variable SLUICE_TOKEN: "));
  EXPECT_THAT(parse_token("\n", "standard input").error().message,
              AllOf(HasSubstr("from standard input: "), HasSubstr("token is empty")));
}

}  // namespace
}  // namespace sluice::cli::token_text_test
