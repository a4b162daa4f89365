#include "engine/base/text.h"

#include <gtest/gtest.h>

namespace sluice::text_test {
namespace {

TEST(Text, ValidatesUtf8) {
  for (const char* good : {"", "plain", "Größe", "数据", "\xF0\x9F\x98\x80"})
    EXPECT_TRUE(is_utf8(good));
  for (const char* bad :
       {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "a\xFF"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Text, LowersAsciiLettersOnly) {
  EXPECT_EQ(lower_case("ABC-xyz_09 \xC3\x84[@"), "abc-xyz_09 \xC3\x84[@");
  EXPECT_EQ(lower_case(""), "");
}

TEST(Text, ReplacesControlCharactersInServerText) {
  EXPECT_EQ(quote_server_text("\033[2Jgone\x07"), "'?[2Jgone?'");
  EXPECT_EQ(quote_server_text("\xC2\x9B"
                              "31m"),
            "'?31m'");  // CSI as one C1 character
  EXPECT_EQ(quote_server_text("a\xE2\x80\xAE"
                              "b"),
            "'a?b'");  // right-to-left override
  EXPECT_EQ(quote_server_text(std::string("a\0b", 3)), "'a?b'");
}

TEST(Text, FoldsWhiteSpaceAndReplacesInvalidBytes) {
  EXPECT_EQ(quote_server_text("  two\r\n\twords \n"), "'two words'");
  EXPECT_EQ(quote_server_text("caf\xE9"), "'caf?'");
  EXPECT_EQ(quote_server_text(""), "no text");
  EXPECT_EQ(quote_server_text(" \n"), "no text");
}

TEST(Text, CutsLongTextBetweenCharacters) {
  const std::string text = quote_server_text(std::string(1000, 'x'), 10);
  EXPECT_EQ(text, "'xxxxxxxxxx...'");
  EXPECT_EQ(quote_server_text("aaaaaaaaa\xC3\xA9", 10), "'aaaaaaaaa...'");
}

TEST(Text, ReducesHtmlPageToTitle) {
  EXPECT_EQ(quote_server_text("\n<!DOCTYPE html><HTML><Title>502\n Bad</title><body>x"),
            "HTML page '502 Bad'");
  EXPECT_EQ(quote_server_text("<html><title>never closed"), "HTML page");
  EXPECT_EQ(quote_server_text("<?xml?>"), "HTML page");
}

TEST(Text, PrintableKeepsUtf8AndReplacesControlCharacters) {
  EXPECT_EQ(printable("two words; \"Größe\".h5"), "two words; \"Größe\".h5");
  EXPECT_EQ(printable("evil\033]0;title\x07"), "evil?]0;title?");
}

TEST(Text, ShortensMessageInTheMiddle) {
  const std::string path(500'000, 'p');
  const std::string text = shortened("cannot open " + path + ": No such file", 300);
  EXPECT_LE(text.size(), 300U);
  EXPECT_TRUE(text.starts_with("cannot open ppp")) << text;
  EXPECT_TRUE(text.ends_with("p: No such file")) << text;
  EXPECT_TRUE(contains(text, " bytes left out) ... "));
  EXPECT_EQ(shortened(text, 300), text);
  std::string accents;
  for (int i = 0; i < 1000; ++i) accents += "é";
  EXPECT_TRUE(is_utf8(shortened(accents, 300)));
  EXPECT_TRUE(is_utf8(shortened("x" + accents, 300)));
}

TEST(Text, QuotesShellArguments) {
  EXPECT_EQ(shell_argument("scan-0417.h5"), "scan-0417.h5");
  EXPECT_EQ(shell_argument("/scratch/state"), "/scratch/state");
  EXPECT_EQ(shell_argument("two words"), "'two words'");
  EXPECT_EQ(shell_argument("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_argument("~"), "'~'");
  EXPECT_EQ(shell_argument("--all"), "-- --all");
  EXPECT_EQ(shell_argument(""), "''");
}

}  // namespace
}  // namespace sluice::text_test
