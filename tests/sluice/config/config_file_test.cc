#include "tools/sluice/config/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::cli::config_file_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ConfigFile parsed(std::string_view text) {
  Result<ConfigFile> file = parse_config(text, "site.toml");
  EXPECT_TRUE(file) << file.error().message;
  return file.value_or(ConfigFile());
}

std::string error_of(std::string_view text) {
  const Result<ConfigFile> file = parse_config(text, "site.toml");
  EXPECT_FALSE(file) << text;
  if (file) return {};
  EXPECT_EQ(file.error().kind, ErrorKind::usage);
  EXPECT_THAT(file.error().message, HasSubstr("site.toml, line "));
  return file.error().message;
}

TEST(ConfigFileTest, ReadsOptionsOfCommandsAndProfiles) {
  const ConfigFile file = parsed(
      "\xef\xbb\xbf# a site\n"
      "limit-rate = \"1G\"\n"
      "[put]\n"
      "transfers = 4\n"
      "verbose = true\n"
      "[profile.night]\n"
      "limit-rate = \"4G\"\n"
      "[profile.night.run]\n"
      "pool = '256M'\n"
      "[profile.empty]\n");
  ASSERT_EQ(file.settings.size(), 5U);
  const auto expect = [&](std::size_t i, const char* profile, const char* command,
                          const char* option, const char* value, std::size_t line) {
    const ConfigSetting& setting = file.settings[i];
    EXPECT_EQ(setting.profile, profile);
    EXPECT_EQ(setting.command, command);
    EXPECT_EQ(setting.option, option);
    EXPECT_THAT(setting.values, ElementsAre(value));
    EXPECT_EQ(setting.line, line);
  };
  expect(0, "", "", "limit-rate", "1G", 2);
  expect(1, "", "put", "transfers", "4", 4);
  expect(2, "", "put", "verbose", "true", 5);
  expect(3, "night", "", "limit-rate", "4G", 7);
  expect(4, "night", "run", "pool", "256M", 9);
  EXPECT_FALSE(file.settings[1].boolean);
  EXPECT_TRUE(file.settings[2].boolean);
  EXPECT_THAT(file.profiles, testing::UnorderedElementsAre("night", "empty"));
}

/// The order of filters matters, because the last match decides; TOML tables have no order.
TEST(ConfigFileTest, KeepsOrderOfLines) {
  const ConfigFile file = parsed("include = \"*.h5\"\nexclude = [\"*.tmp\", \"[ab]\"]\n");
  ASSERT_EQ(file.settings.size(), 2U);
  EXPECT_EQ(file.settings[0].option, "include");
  EXPECT_EQ(file.settings[1].option, "exclude");
  EXPECT_THAT(file.settings[1].values, ElementsAre("*.tmp", "[ab]"));
}

TEST(ConfigFileTest, ReportsLineOfError) {
  EXPECT_THAT(error_of("a = 1\nb = [\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("a = 1\na = 2\n"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("\n\nlimit-rate = 1.5\n"), HasSubstr("line 3: the value of 'limit-rate'"));
  EXPECT_THAT(error_of("token-wait = 2026-11-29\n"), HasSubstr("the value of 'token-wait'"));
  EXPECT_THAT(error_of("exclude = [\"a\",\n 1]\n"), HasSubstr("line 2: the array of 'exclude'"));
  EXPECT_THAT(error_of("[put.more]\na = 1\n"), HasSubstr("the value of 'more'"));
  EXPECT_THAT(error_of("profile = \"night\"\n"), HasSubstr("[profile.NAME]"));
  EXPECT_THAT(error_of("[profile]\nnight = 1\n"), HasSubstr("line 2: 'night' is not a profile"));
  EXPECT_THAT(error_of("a = \"\x1b[31m\"\n"), testing::Not(HasSubstr("\x1b")));
}

TEST(ConfigFileTest, AcceptsEmptyFile) {
  EXPECT_TRUE(parsed("").settings.empty());
  EXPECT_TRUE(parsed("# nothing\n").settings.empty());
}

/// The table of an unknown command is an error even if it is empty.
TEST(ConfigFileTest, RecordsEmptyTable) {
  const ConfigFile file = parsed("\n[putt]\n");
  ASSERT_EQ(file.settings.size(), 1U);
  EXPECT_EQ(file.settings[0].command, "putt");
  EXPECT_EQ(file.settings[0].option, "");
  EXPECT_EQ(file.settings[0].line, 2U);
}

}  // namespace
}  // namespace sluice::cli::config_file_test
