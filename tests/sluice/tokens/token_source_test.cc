#include "tools/sluice/tokens/token_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "engine/base/unix_time.h"
#include "tests/support/temp_dir.h"
#include "tools/sluice/config/address.h"
#include "tools/sluice/tokens/token_store.h"

namespace sluice::cli::token_source_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Sets an environment variable while it exists.
class Variable {
 public:
  Variable(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const std::optional<std::string>& value) const {
    if (value)
      ::setenv(name_, value->c_str(), 1);
    else
      ::unsetenv(name_);
  }

  const char* const name_;
  std::optional<std::string> before_;
};

class TokenSourceTest : public testing::Test {
 protected:
  /// `age`: seconds since the last write.
  std::string file(const std::string& name, const std::string& token, long age = 0) {
    const std::string path = (directory_ / name).string();
    test::write_file(path, token);
    EXPECT_EQ(::chmod(path.c_str(), 0600), 0);
    set_age(path, age);
    return path;
  }
  static void set_age(const std::string& path, long age) {
    const std::time_t written = unix_s() - age;
    const utimbuf times{written, written};
    EXPECT_EQ(::utime(path.c_str(), &times), 0);
  }
  std::string store(const std::string& token, long age = 0) {
    const TokenStore store(TokenStore::default_directory());
    EXPECT_TRUE(store.add(search_.system, search_.dataset, Secret(token)));
    const std::string path = store.file_of(search_.system, search_.dataset);
    set_age(path, age);
    return path;
  }
  /// Returns the token that is found, or the error.
  std::string found() {
    const auto token = find_token(search_);
    if (!token) return token.error().message;
    file_ = token->file;
    added_ = token->added;
    return token->token.reveal();
  }

  test::TempDir directory_;
  const Variable config_{"XDG_CONFIG_HOME", directory_.path().string()};
  TokenSearch search_{.system = "https://databank.illinois.edu", .dataset = "IDB-1"};
  std::string file_;
  std::optional<WallTime> added_;
};

TEST_F(TokenSourceTest, FollowsPrecedence) {
  const std::string stored = store("stored");
  const std::string given = file("given", "given");
  {
    const Variable variable("SLUICE_TOKEN", "variable");
    search_.token_file = given;
    EXPECT_EQ(found(), "given");
    EXPECT_EQ(file_, given);
    search_.token_file.clear();
    EXPECT_EQ(found(), "variable");
    EXPECT_EQ(file_, "");
    for (const auto environment : {EnvironmentToken::last, EnvironmentToken::ignored}) {
      search_.environment = environment;
      EXPECT_EQ(found(), "stored");
    }
    search_.dataset = "IDB-2";
    EXPECT_THAT(found(), HasSubstr("no token for dataset IDB-2"));
    search_.environment = EnvironmentToken::last;
    EXPECT_EQ(found(), "variable");
    search_.environment = EnvironmentToken::first;
    search_.dataset = "IDB-1";
  }
  const Variable variable("SLUICE_TOKEN", {});
  EXPECT_EQ(found(), "stored");
  EXPECT_EQ(file_, stored);
  EXPECT_TRUE(added_);
  search_.system = "https://demo.databank.illinois.edu";
  EXPECT_THAT(found(), AllOf(HasSubstr("no token for dataset IDB-1"),
                             HasSubstr("sluice token add --system demo IDB-1")));
}

TEST_F(TokenSourceTest, PrefersNewerOfStoredAndRememberedFile) {
  const Variable variable("SLUICE_TOKEN", "variable");
  search_.remembered = file("remembered", "remembered", 100);
  EXPECT_EQ(found(), "remembered");
  store("stored", 200);
  EXPECT_EQ(found(), "remembered");
  const std::string stored = store("stored", 50);
  EXPECT_EQ(found(), "stored");
  // The stored file is the remembered one.
  search_.remembered = stored;
  EXPECT_EQ(found(), "stored");
  EXPECT_TRUE(added_);
}

TEST_F(TokenSourceTest, IgnoresDeletedRememberedFile) {
  search_.remembered = (directory_ / "gone").string();
  {
    const Variable variable("SLUICE_TOKEN", {});
    EXPECT_THAT(found(), AllOf(HasSubstr("gone"), HasSubstr("No such file")));
    store("stored");
    EXPECT_EQ(found(), "stored");
  }
  const Variable variable("SLUICE_TOKEN", "variable");
  EXPECT_EQ(found(), "variable");
}

TEST_F(TokenSourceTest, RejectsReadableStoredToken) {
  const Variable variable("SLUICE_TOKEN", {});
  const std::string stored = store("s3cret");
  ASSERT_EQ(::chmod(stored.c_str(), 0644), 0);
  EXPECT_THAT(found(), AllOf(HasSubstr("chmod 600"), Not(HasSubstr("s3cret"))));
}

TEST_F(TokenSourceTest, DoesNotBlockOnFifoInStore) {
  const Variable variable("SLUICE_TOKEN", {});
  const std::string stored = store("s3cret");
  ASSERT_EQ(::unlink(stored.c_str()), 0);
  ASSERT_EQ(::mkfifo(stored.c_str(), 0600), 0);
  EXPECT_THAT(found(), AllOf(HasSubstr(stored), HasSubstr("not a regular file"),
                             HasSubstr("sluice token add IDB-1")));
}

TEST_F(TokenSourceTest, AdvisesCommandForEachSystem) {
  EXPECT_EQ(token_add_command("https://databank.illinois.edu", "D"), "sluice token add D");
  EXPECT_EQ(token_add_command("http://localhost:3000", "D"), "sluice token add --system local D");
  EXPECT_EQ(token_add_command("https://x.org/a b", "D"),
            "sluice token add --url 'https://x.org/a b' D");
  // Without --system, the command would use the configured server.
  set_server_configured(true);
  EXPECT_EQ(token_add_command("https://databank.illinois.edu", "D"),
            "sluice token add --system production D");
  set_server_configured(false);
}

TEST_F(TokenSourceTest, RejectsTokenWaitWithoutFile) {
  const FoundToken variable;
  FoundToken stored;
  stored.file = "/token";
  EXPECT_TRUE(check_token_wait("", variable, search_));
  EXPECT_TRUE(check_token_wait("0", variable, search_));
  EXPECT_TRUE(check_token_wait("1h", stored, search_));
  const auto refused = check_token_wait("1h", variable, search_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("--token-wait"), HasSubstr("sluice token add IDB-1")));
}

}  // namespace
}  // namespace sluice::cli::token_source_test
