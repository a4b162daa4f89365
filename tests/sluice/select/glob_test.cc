#include "tools/sluice/select/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::cli::glob_test {
namespace {

bool matches(const std::string& pattern, const std::string& path, bool directory = false) {
  const Result<Glob> glob = Glob::parse(pattern);
  EXPECT_TRUE(glob) << pattern;
  return glob && glob->matches(path, directory);
}

TEST(SelectGlob, MatchesLastComponentWithoutSlash) {
  EXPECT_TRUE(matches("*.tif", "a.tif"));
  EXPECT_TRUE(matches("*.tif", "x/y/a.tif"));
  EXPECT_FALSE(matches("*.tif", "a.tiff"));
  EXPECT_FALSE(matches("*.tif", "a.tif/b"));
  EXPECT_TRUE(matches("a?c", "x/abc"));
  EXPECT_TRUE(matches("[ab]*", "b"));
  EXPECT_FALSE(matches("[!ab]*", "b"));
  EXPECT_FALSE(matches("[^ab]*", "b"));
  EXPECT_TRUE(matches("[[:digit:]-]", "-"));
  EXPECT_FALSE(matches("[[:digit:]-]", "a"));
  EXPECT_FALSE(matches("[[:nonsense:]]", "a"));
  EXPECT_FALSE(matches("[a", "a"));
}

TEST(SelectGlob, MatchesWholePathWithSlash) {
  EXPECT_TRUE(matches("/a", "a"));
  EXPECT_FALSE(matches("/a", "x/a"));
  EXPECT_TRUE(matches("x/*", "x/a"));
  EXPECT_FALSE(matches("x/*", "x/y/a"));
  EXPECT_TRUE(matches("**/a", "a"));
  EXPECT_TRUE(matches("**/a", "x/y/a"));
  EXPECT_TRUE(matches("x/**", "x/y/a"));
  EXPECT_FALSE(matches("x/**", "x"));
  EXPECT_TRUE(matches("x/**/a", "x/a"));
  EXPECT_TRUE(matches("x/**/a", "x/y/z/a"));
}

TEST(SelectGlob, MatchesOnlyDirectoriesWithTrailingSlash) {
  EXPECT_TRUE(matches("tmp/", "x/tmp", true));
  EXPECT_FALSE(matches("tmp/", "x/tmp", false));
}

TEST(SelectGlob, ComparesBytes) {
  EXPECT_TRUE(matches("\xff?", "\xff\xfe"));
  EXPECT_TRUE(matches("a\nb", "a\nb"));
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("\\*", "a"));
}

TEST(SelectGlob, RejectsInvalidPatterns) {
  EXPECT_FALSE(Glob::parse(""));
  EXPECT_FALSE(Glob::parse(std::string(Glob::longest + 1, '*')));
  EXPECT_TRUE(Glob::parse(std::string(Glob::longest, '*')));
}

// Without the table of failed attempts, this takes 2^50 steps.
TEST(SelectGlob, MatchesManyStarsInPolynomialTime) {
  std::string pattern;
  std::string path;
  for (int i = 0; i < 50; ++i) {
    pattern += "**/a/";
    path += "a/a/";
  }
  EXPECT_FALSE(matches(pattern + "b", path + "c"));
  EXPECT_FALSE(
      wildcard_match(std::string(2000, '*') + "*a*a*a*a*a*a*a*a*a*a*a*ab", std::string(500, 'a')));
}

}  // namespace
}  // namespace sluice::cli::glob_test
