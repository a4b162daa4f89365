// Options of a command from the environment and from configuration files.
#include "tools/sluice/config/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tools/sluice/command_table.h"
#include "tools/sluice/config/shown_option.h"

namespace sluice::cli::apply_test {
namespace {

using testing::HasSubstr;

class ApplyTest : public testing::Test {
 protected:
  ApplyTest() {
    set("SLUICE_CONFIG", user_);
    set("SLUICE_SYSTEM_CONFIG", system_);
    user("");
    system("");
  }
  ~ApplyTest() override {
    for (const auto& [name, before] : before_)
      if (before)
        ::setenv(name.c_str(), before->c_str(), 1);
      else
        ::unsetenv(name.c_str());
  }

  void user(const std::string& text) const { test::write_file(user_, text); }
  void system(const std::string& text) const { test::write_file(system_, text); }
  void set(const std::string& variable, const std::string& value) {
    const char* const before = std::getenv(variable.c_str());
    before_.try_emplace(variable,
                        before == nullptr ? std::nullopt : std::optional<std::string>(before));
    ::setenv(variable.c_str(), value.c_str(), 1);
  }

  using Options = std::map<std::string, ShownOption>;
  /// Returns the options of the command line `words` after configuration.
  Result<Options> configured(std::vector<std::string> words) const {
    CommandTable table;
    for (const Command& command : table.commands())
      for (CLI::Option* const option : command.app->get_options()) option->required(false);
    std::reverse(words.begin(), words.end());
    table.app().parse(words);
    TRY_ASSIGN(const Configuration configuration,
               Configuration::load(table.choice(), table.known()));
    TRY_ASSIGN(const auto applied, apply(*table.parsed()->app, configuration));
    Options options;
    for (ShownOption& option : shown_options(*table.parsed()->app, applied))
      options.emplace(option.option.substr(2), std::move(option));
    return options;
  }
  /// Returns "VALUE from PLACE".
  std::string shown(const std::vector<std::string>& words, const std::string& option) const {
    const Result<Options> options = configured(words);
    if (!options) return options.error().message;
    const ShownOption& found = options->at(option);
    return found.value.value_or("none") + " from " + to_string(found.place);
  }

 private:
  const test::TempDir directory_;
  const std::string user_ = directory_ / "user.toml";
  const std::string system_ = directory_ / "system.toml";
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(ApplyTest, FollowsPrecedenceOfPlaces) {
  const auto rate = [&](std::vector<std::string> words) { return shown(words, "limit-rate"); };
  EXPECT_EQ(rate({"put"}), "none from default");
  system("limit-rate = '1M'\n[profile.night]\nlimit-rate = '3M'\n");
  EXPECT_EQ(rate({"put"}), "1M from system file");
  user("limit-rate = '2M'");
  EXPECT_EQ(rate({"put"}), "2M from user file");
  EXPECT_EQ(rate({"put", "--profile", "night"}), "3M from profile");
  EXPECT_EQ(rate({"--profile", "night", "put"}), "3M from profile");
  user("limit-rate = '2M'\n[profile.night]\nlimit-rate = '4M'\n");
  EXPECT_EQ(rate({"put", "--profile", "night"}), "4M from profile");
  set("SLUICE_PROFILE", "night");
  EXPECT_EQ(rate({"put"}), "4M from profile");
  set("SLUICE_LIMIT_RATE", "5M");
  EXPECT_EQ(rate({"put"}), "5M from environment");
  EXPECT_EQ(rate({"put", "--limit-rate", "6M"}), "6M from command line");
  set("SLUICE_LIMIT_RATE", "");
  EXPECT_EQ(rate({"put"}), "4M from profile") << "an empty variable is not set";
}

TEST_F(ApplyTest, PrefersTableOfCommand) {
  user("pool = '1G'\n[put]\npool = '2G'\n");
  EXPECT_EQ(shown({"put"}, "pool"), "2G from user file");
  EXPECT_EQ(shown({"run"}, "pool"), "1G from user file");
}

TEST_F(ApplyTest, ExcludingOptionHidesLowerPlaces) {
  user("url = 'http://localhost:1'");
  EXPECT_EQ(shown({"check"}, "url"), "http://localhost:1 from user file");
  EXPECT_EQ(shown({"check", "--system", "demo"}, "url"), "none from default");
  set("SLUICE_SYSTEM", "local");
  EXPECT_EQ(shown({"check"}, "url"), "none from default");
  EXPECT_EQ(shown({"check"}, "system"), "local from environment");
  set("SLUICE_URL", "http://localhost:2");
  EXPECT_THAT(shown({"check"}, "url"),
              testing::AllOf(HasSubstr("SLUICE_URL"), HasSubstr("SLUICE_SYSTEM")));
}

TEST_F(ApplyTest, UsesFiltersOfOnePlaceOnly) {
  user("include = '*.h5'\nexclude = ['a', '[b]']\n");
  EXPECT_EQ(shown({"put"}, "include"), "*.h5 from user file");
  EXPECT_EQ(shown({"put"}, "exclude"), "a, [b] from user file");
  EXPECT_EQ(shown({"put", "--exclude", "c"}, "include"), "none from default");
  set("SLUICE_EXCLUDE_FROM", "file");
  EXPECT_EQ(shown({"put"}, "exclude"), "none from default");
}

TEST_F(ApplyTest, SetsFlags) {
  system("verbose = true\nrecursive = true\n");
  EXPECT_EQ(shown({"put"}, "verbose"), "true from system file");
  // A flag that is off excludes no other option, here --quiet.
  user("verbose = false");
  EXPECT_EQ(shown({"put"}, "verbose"), "false from user file");
  set("SLUICE_QUIET", "Yes");
  EXPECT_EQ(shown({"put"}, "quiet"), "true from environment");
  set("SLUICE_RECURSIVE", "0");
  EXPECT_EQ(shown({"put"}, "recursive"), "false from environment");
  set("SLUICE_RECURSIVE", "perhaps");
  EXPECT_THAT(shown({"put"}, "recursive"),
              HasSubstr("SLUICE_RECURSIVE: recursive is true or false"));
}

TEST_F(ApplyTest, AcceptsListsAsArrayOrWithCommas) {
  user("digest = ['md5', 'sha256']\nskip = 'links,names'\n");
  EXPECT_EQ(shown({"put"}, "digest"), "md5, sha256 from user file");
  EXPECT_EQ(shown({"put"}, "skip"), "links,names from user file");
}

TEST_F(ApplyTest, SkipsOptionWithoutRequiredOption) {
  user("interval = '5s'\n");
  EXPECT_EQ(shown({"status"}, "interval"), "2s from default");
  EXPECT_EQ(shown({"status", "--watch"}, "interval"), "5s from user file");
}

TEST_F(ApplyTest, RejectsInvalidValueWithOrigin) {
  const auto error = [&](const std::string& text) {
    user("\n" + text);
    return shown({"put"}, "url");
  };
  EXPECT_THAT(error("retries = 'many'"), HasSubstr("user.toml, line 2: "));
  EXPECT_THAT(error("retries = -1"), HasSubstr("line 2: "));
  EXPECT_THAT(error("protocol = 'ftp'"), HasSubstr("'ftp' is not one of auto, phased"));
  EXPECT_THAT(error("ca-file = true"),
              HasSubstr("line 2: ca-file takes a value (FILE), not true or false"));
  EXPECT_THAT(error("ca-file = ['a', 'b']"), HasSubstr("ca-file has one value"));
  EXPECT_THAT(error("verbose = 3"), HasSubstr("verbose is true or false"));
  EXPECT_THAT(error("url = ''"), HasSubstr("the value is empty"));
  set("SLUICE_TRANSFERS", "8");
  set("SLUICE_RETRIES", "x");
  EXPECT_THAT(error(""), HasSubstr("the environment variable SLUICE_RETRIES: "));
}

TEST_F(ApplyTest, RejectsUnknownKeyOrTableWithLine) {
  const auto error = [&](const std::string& text) {
    system("\n" + text);
    return shown({"status"}, "all");
  };
  EXPECT_THAT(error("limit-rat = 1"),
              HasSubstr("system.toml, line 2: 'limit-rat' is not an option"));
  EXPECT_THAT(error("[status]\npool = '1G'"),
              HasSubstr("line 3: 'pool' is not an option of sluice status"));
  EXPECT_THAT(error("[profile.x]\nhelp = true"), HasSubstr("line 3: 'help' is not an option"));
  EXPECT_THAT(error("[profile.x.putt]"), HasSubstr("[putt] is not a command"));
  EXPECT_THAT(error("token = 'secret'"), testing::Not(HasSubstr("secret")));
  EXPECT_EQ(error("[put]\npool = '1G'"), "false from default") << "another command's";
}

TEST_F(ApplyTest, RejectsMissingProfile) {
  system("[profile.day]\n[profile.night]\n");
  EXPECT_THAT(shown({"status", "--profile", "nite"}, "all"),
              HasSubstr("'nite'; the profiles are: day, night"));
  set("SLUICE_PROFILE", "noon");
  EXPECT_THAT(shown({"status"}, "all"), HasSubstr("'noon'"));
}

TEST_F(ApplyTest, RejectsMissingNamedFile) {
  EXPECT_THAT(shown({"status", "--config", "/nonexistent/x.toml"}, "all"),
              HasSubstr("/nonexistent/x.toml: No such file"));
  EXPECT_EQ(shown({"status", "--config", "/dev/null"}, "all"), "false from default");
  set("SLUICE_CONFIG", "/");
  EXPECT_THAT(shown({"status"}, "all"), HasSubstr("/: Is a directory"));
}

/// A FIFO there would block every run.
TEST_F(ApplyTest, RejectsFifoAtDefaultPath) {
  const test::TempDir home;
  std::filesystem::create_directories(home / "sluice");
  ASSERT_EQ(::mkfifo((home / "sluice/config.toml").c_str(), 0600), 0);
  set("SLUICE_CONFIG", "");
  set("XDG_CONFIG_HOME", home.path());
  EXPECT_THAT(shown({"status"}, "all"), HasSubstr("it is a FIFO, not a regular file"));
}

TEST_F(ApplyTest, HasNoUserFileWithoutHomeDirectory) {
  set("SLUICE_CONFIG", "");
  set("XDG_CONFIG_HOME", "relative");
  set("HOME", "");
  EXPECT_EQ(shown({"status"}, "all"), "false from default");
}

TEST_F(ApplyTest, ConfiguresEachOptionOfEachCommand) {
  const CommandTable table;
  int flags = 0;
  for (const Command& command : table.commands()) {
    const std::string name = command.app->get_name();
    for (const std::string& option : configurable(*command.app)) {
      SCOPED_TRACE(name + " --" + option);
      EXPECT_TRUE(table.known().option(name, option));
      EXPECT_TRUE(table.known().option("", option));
      if (!is_flag(*command.app->get_option("--" + option))) continue;
      if (!command.app->get_option("--" + option)->get_needs().empty()) continue;
      user(option + " = true");
      EXPECT_EQ(shown({name}, option), "true from user file");
      ++flags;
    }
  }
  EXPECT_GT(flags, 20);
}

/// A top-level key with a command's name would be that command's table.
TEST_F(ApplyTest, NoOptionHasTheNameOfACommand) {
  const CommandTable table;
  for (const Command& command : table.commands()) {
    EXPECT_FALSE(table.known().option("", command.app->get_name()));
    EXPECT_NE(command.app->get_name(), "profile");
  }
}

TEST_F(ApplyTest, HidesPassword) {
  EXPECT_EQ(without_password("https://user:pa:s/s@host"), "https://user:***@host");
  EXPECT_EQ(without_password("http://user:p@ss@host"), "http://user:***@host");
  EXPECT_EQ(without_password("user:pass@host:1"), "user:***@host:1");
  EXPECT_EQ(without_password("https://user@host"), "https://user@host");
  EXPECT_EQ(without_password("https://host:80"), "https://host:80");
  set("SLUICE_PROXY", "http://me:s3cret@q:1");
  EXPECT_EQ(shown({"check"}, "proxy"), "http://me:***@q:1 from environment");
}

/// A site's configuration file is readable by all users.
TEST_F(ApplyTest, RejectsReadableFileWithPassword) {
  user("# one\nproxy = 'http://me:s3cret@q:1'\n");
  const std::string path = std::getenv("SLUICE_CONFIG");
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_THAT(shown({"check"}, "proxy"),
              testing::AllOf(HasSubstr(path + ", line 2: "), HasSubstr("chmod 600 " + path),
                             testing::Not(HasSubstr("s3cret"))));
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(shown({"check"}, "proxy"), "http://me:***@q:1 from user file");
  user("proxy = 'http://me@q:1'\n");
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(shown({"check"}, "proxy"), "http://me@q:1 from user file") << "no password";
}

}  // namespace
}  // namespace sluice::cli::apply_test
