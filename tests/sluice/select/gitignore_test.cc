// Compares filters and walks with git on random trees and patterns.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tools/sluice/select/filter.h"
#include "tools/sluice/select/walk.h"

namespace sluice::cli::gitignore_test {
namespace {

namespace fs = std::filesystem;

/// Random names and patterns of few letters, so that many match.
class Source {
 public:
  explicit Source(unsigned seed) : random_(seed) {}

  unsigned below(unsigned count) { return static_cast<unsigned>(random_() % count); }
  const std::string& one_of(const std::vector<std::string>& words) {
    return words[below(static_cast<unsigned>(words.size()))];
  }

  std::string name() {
    static const std::vector<std::string> parts{"a", "b", "ab", "1", ".", "-",  "#",
                                                "!", " ", "[",  "]", "*", "\\", "\xc3\xa9"};
    std::string name;
    for (unsigned i = 0, count = 1 + below(3); i < count; ++i) name += one_of(parts);
    return name == "." || name == ".." ? "a" : name;
  }

  std::string pattern() {
    static const std::vector<std::string> parts{
        "a",    "b",           "ab",  "1",  ".",        "-",    "*",      "*",
        "**",   "/",           "/",   "?",  "[ab]",     "[!a]", "[^b]",   "[a-]",
        "[]a]", "[[:alpha:]]", "\\*", "\\", "[[:x:]]",  "[a",   "**/",    "/**",
        " ",    "\\ ",         "#",   "!",  "\xc3\xa9", "\xc3", "[\xc3]", "[a-\xff]"};
    std::string pattern = below(4) == 0 ? "!" : "";
    for (unsigned i = 0, count = 1 + below(5); i < count; ++i) pattern += one_of(parts);
    if (below(4) == 0) pattern += '/';
    return pattern;
  }

 private:
  std::mt19937 random_;
};

class GitIgnore : public testing::Test {
 protected:
  GitIgnore() {
    fs::create_directory(tree_);
    EXPECT_EQ(git({"init", "--quiet", "--template="}).status, 0);
    fs::create_directory(tree_ / ".git" / "info");
  }

  test::Finished git(const std::vector<std::string>& arguments, const std::string& input = {}) {
    test::Process::Options options;
    options.argv = {"git"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = {{"GIT_CONFIG_NOSYSTEM", "1"}, {"GIT_CONFIG_GLOBAL", "/dev/null"}};
    options.stdin_text = input;
    options.directory = tree_;
    return test::run(options);
  }

  void plant(Source& source, const fs::path& directory, const std::string& relative, int depth) {
    for (unsigned i = 0, count = 2 + source.below(4); i < count; ++i) {
      const std::string name = source.name();
      if (fs::exists(directory / name)) continue;
      const std::string path = relative + name;
      if (depth > 0 && source.below(2) == 0) {
        fs::create_directory(directory / name);
        plant(source, directory / name, path + "/", depth - 1);
      } else {
        std::ofstream(directory / name);
        files_.insert(path);
      }
    }
  }

  /// Returns the files that git does not ignore.
  std::set<std::string> wanted_by_git(const std::string& rules) {
    test::write_file(tree_ / ".git" / "info" / "exclude", rules);
    std::string input;
    for (const std::string& file : files_) input += file + '\0';
    const test::Finished finished = git({"check-ignore", "--no-index", "--stdin", "-z"}, input);
    EXPECT_LE(finished.status, 1) << finished.err;  // 1: no file is ignored
    std::set<std::string> wanted = files_;
    for (std::size_t at = 0; at < finished.out.size();) {
      const std::size_t end = finished.out.find('\0', at);
      wanted.erase(finished.out.substr(at, end - at));
      at = end + 1;
    }
    return wanted;
  }

  test::TempDir directory_;
  const fs::path tree_ = directory_ / "tree";
  std::set<std::string> files_;
};

TEST_F(GitIgnore, AgreesWithGitOnRandomTreesAndPatterns) {
  const char* const given = std::getenv("SLUICE_TEST_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                                         : std::random_device{}();
  SCOPED_TRACE("to repeat: SLUICE_TEST_SEED=" + std::to_string(seed));
  Source source(seed);
  plant(source, tree_, "", 4);
  std::size_t excluded = 0;
  for (int round = 0; round < 100; ++round) {
    std::string rules;
    for (unsigned i = 0, count = 1 + source.below(6); i < count; ++i)
      rules += source.pattern() + (source.below(8) == 0 ? "\r\n" : "\n");
    if (source.below(4) == 0) rules.pop_back();
    const std::set<std::string> wanted = wanted_by_git(rules);
    excluded += files_.size() - wanted.size();
    Filter filter;
    ASSERT_TRUE(filter.exclude_lines(".git\n" + rules, "rules"));
    std::set<std::string> decided;
    for (const std::string& file : files_)
      if (filter.wants_file(filter.decide(file, false))) decided.insert(file);
    EXPECT_EQ(decided, wanted) << "rules:\n" << rules;
    std::set<std::string> walked;
    WalkOptions options;
    options.filter = &filter;
    walk(tree_.string(), options,
         {.file = [&](const std::string& path, std::size_t at,
                      std::uint64_t) { walked.insert(path.substr(at)); },
          .left_out = [](const LeftOut&) {}});
    std::erase_if(walked, [](const std::string& path) { return path.starts_with(".git/"); });
    EXPECT_EQ(walked, wanted) << "rules:\n" << rules;
    if (HasFailure()) break;
  }
  EXPECT_GT(excluded, 0U) << "no pattern matched anything";
}

}  // namespace
}  // namespace sluice::cli::gitignore_test
