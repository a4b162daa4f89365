#include "tools/sluice/select/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::cli::filter_test {
namespace {

using testing::HasSubstr;

/// "x pattern" is an --exclude, "i pattern" an --include.
Filter filter_of(std::initializer_list<const char*> rules) {
  Filter filter;
  for (const std::string rule : rules)
    EXPECT_TRUE(rule[0] == 'x' ? filter.exclude(rule.substr(2)) : filter.include(rule.substr(2)));
  return filter;
}

bool wants(const Filter& filter, const std::string& path) {
  return filter.wants_file(filter.decide(path, false));
}

TEST(SelectFilter, IncludesEverythingWithoutRules) {
  EXPECT_TRUE(wants({}, "a/b"));
}

TEST(SelectFilter, LastMatchingRuleDecides) {
  const Filter filter = filter_of({"x *.tif", "i a*", "x ab*"});
  EXPECT_FALSE(wants(filter, "x.tif"));
  EXPECT_TRUE(wants(filter, "a.tif"));
  EXPECT_FALSE(wants(filter, "ab.tif"));
  EXPECT_TRUE(wants(filter, "x.txt"));
  EXPECT_FALSE(wants(filter_of({"i *.tif", "x *"}), "a.tif"));
}

TEST(SelectFilter, ExcludesUnmatchedFilesIfFirstRuleIsInclude) {
  const Filter filter = filter_of({"i *.tif", "x old/"});
  EXPECT_TRUE(wants(filter, "deep/a.tif"));
  EXPECT_FALSE(wants(filter, "deep/a.txt"));
  EXPECT_FALSE(wants(filter, "old/a.tif"));
  EXPECT_EQ(filter.reason(filter.decide("deep/a.txt", false)), "no --include matches");
}

TEST(SelectFilter, IncludesAllFilesInIncludedDirectory) {
  const Filter filter = filter_of({"i /run1/", "x *.tmp"});
  EXPECT_TRUE(wants(filter, "run1/deep/a"));
  EXPECT_FALSE(wants(filter, "run1/deep/a.tmp"));
  EXPECT_FALSE(wants(filter, "run2/a"));
}

TEST(SelectFilter, DoesNotSearchExcludedDirectory) {
  const Filter filter = filter_of({"x tmp/", "i tmp/keep"});
  EXPECT_FALSE(wants(filter, "tmp/keep"));
  EXPECT_TRUE(wants(filter_of({"x tmp/*", "i tmp/keep"}), "tmp/keep"));
}

TEST(SelectFilter, ReadsGitignoreFile) {
  Filter filter;
  ASSERT_TRUE(filter.exclude_lines(
      "\xef\xbb\xbf# comment\r\n*.tmp  \r\n\n\\#a\n!keep.tmp\n  \nb\\ ", "rules"));
  EXPECT_FALSE(wants(filter, "x.tmp"));
  EXPECT_TRUE(wants(filter, "keep.tmp"));
  EXPECT_FALSE(wants(filter, "#a"));
  EXPECT_FALSE(wants(filter, "b "));
  EXPECT_TRUE(wants(filter, "b"));
  EXPECT_TRUE(wants(filter, "# comment"));
  EXPECT_EQ(filter.reason(filter.decide("x.tmp", false)), "'*.tmp' in line 2 of rules");
}

TEST(SelectFilter, ReportsInvalidRule) {
  Filter filter;
  const Result<void> refused = filter.exclude("");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message, HasSubstr("--exclude ''"));
  const Result<void> line = filter.exclude_lines("a\n" + std::string(5000, 'b'), "rules");
  ASSERT_FALSE(line);
  EXPECT_THAT(line.error().message, HasSubstr("line 2 of rules"));
}

}  // namespace
}  // namespace sluice::cli::filter_test
