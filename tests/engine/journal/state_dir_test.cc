#include "engine/journal/state_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "tests/support/temp_dir.h"

namespace sluice::state_dir_test {
namespace {

namespace fs = std::filesystem;

/// The environment of one test; the destructor restores the old one.
class StateDir : public testing::Test {
 protected:
  ~StateDir() override {
    restore("XDG_STATE_HOME", state_);
    restore("HOME", home_);
  }
  static void set(const char* state, const char* home) {
    restore("XDG_STATE_HOME", state ? std::optional<std::string>(state) : std::nullopt);
    restore("HOME", home ? std::optional<std::string>(home) : std::nullopt);
  }

 private:
  static std::optional<std::string> get(const char* name) {
    const char* const value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  }
  static void restore(const char* name, const std::optional<std::string>& value) {
    if (value)
      ::setenv(name, value->c_str(), 1);
    else
      ::unsetenv(name);
  }

  const std::optional<std::string> state_ = get("XDG_STATE_HOME");
  const std::optional<std::string> home_ = get("HOME");
};

unsigned mode_of(const fs::path& path) {
  struct stat facts {};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 07777;
}

TEST_F(StateDir, FollowsTheXdgSpecification) {
  set("/var/state", "/home/ada");
  EXPECT_EQ(default_state_dir(), "/var/state/sluice");
  set(nullptr, "/home/ada");
  EXPECT_EQ(default_state_dir(), "/home/ada/.local/state/sluice");
  set("", "/home/ada");
  EXPECT_EQ(default_state_dir(), "/home/ada/.local/state/sluice");
}

TEST_F(StateDir, IgnoresRelativePaths) {
  set("state", "/home/ada");
  EXPECT_EQ(default_state_dir(), "/home/ada/.local/state/sluice");
  set("state", "ada");
  EXPECT_EQ(default_state_dir(), "");
  set(nullptr, nullptr);
  EXPECT_EQ(default_state_dir(), "");
}

TEST_F(StateDir, CreatesPrivateDirectories) {
  const test::TempDir dir;
  const mode_t mask = ::umask(0);
  const auto made = make_state_dir((dir / "a").string() + "/b//c/");
  ::umask(mask);
  ASSERT_TRUE(made) << made.error().message;
  for (const char* part : {"a", "a/b", "a/b/c"}) EXPECT_EQ(mode_of(dir / part), 0700U) << part;
}

TEST_F(StateDir, KeepsExistingDirectories) {
  const test::TempDir dir;
  fs::create_directory(dir / "shared");
  fs::permissions(dir / "shared", fs::perms(0755));
  ASSERT_TRUE(make_state_dir(dir / "shared"));
  EXPECT_EQ(mode_of(dir / "shared"), 0755U);
  fs::create_directory_symlink(dir / "shared", dir / "link");
  EXPECT_TRUE(make_state_dir((dir / "link").string() + "/sluice"));
  EXPECT_EQ(mode_of(dir / "shared/sluice"), 0700U);
}

TEST_F(StateDir, ReportsTheObstacle) {
  const test::TempDir dir;
  test::write_file(dir / "file", "x");
  fs::create_symlink(dir / "nowhere", dir / "dangling");
  for (const std::string& path : {(dir / "file").string(), (dir / "file").string() + "/sluice",
                                  (dir / "dangling").string(), std::string()}) {
    const auto made = make_state_dir(path);
    ASSERT_FALSE(made) << path;
    EXPECT_EQ(made.error().kind, ErrorKind::failed);
    EXPECT_NE(made.error().message.find(path.substr(0, path.find("/sluice"))), std::string::npos)
        << made.error().message;
    EXPECT_NE(made.error().message.find("--state-dir"), std::string::npos);
  }
}

TEST_F(StateDir, NamesTheVariablesIfNoneIsSet) {
  const auto made = make_state_dir("");
  ASSERT_FALSE(made);
  for (const char* part : {"XDG_STATE_HOME", "HOME", "--state-dir"})
    EXPECT_NE(made.error().message.find(part), std::string::npos) << made.error().message;
}

}  // namespace
}  // namespace sluice::state_dir_test
