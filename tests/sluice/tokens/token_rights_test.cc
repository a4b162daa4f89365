#include "tools/sluice/tokens/token_rights.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace sluice::cli::token_rights_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TokenRights rights(mode_t mode) {
  TokenRights rights;
  rights.mode = mode;
  rights.group = "lab";
  return rights;
}

/// Returns the warning, or the error in brackets.
std::string verdict(const TokenRights& rights, TokenFileMode allowed = TokenFileMode::strict) {
  const auto judged = check_token_rights(rights, "/home/me/my token", allowed);
  if (judged) return *judged;
  EXPECT_EQ(judged.error().kind, ErrorKind::usage);
  return "[" + judged.error().message + "]";
}

TEST(TokenRightsOf, AcceptsOwnerOnly) {
  for (const mode_t mode : {0600U, 0400U, 0700U, 0000U}) EXPECT_EQ(verdict(rights(mode)), "");
}

TEST(TokenRightsOf, WarnsOfGroup) {
  for (const mode_t mode : {0640U, 0440U, 0660U, 0610U}) {
    EXPECT_THAT(verdict(rights(mode)), AllOf(HasSubstr("/home/me/my token"),
                                             HasSubstr("the group lab"), Not(HasSubstr("["))));
    TokenRights is_owner = rights(mode);
    is_owner.private_group = true;
    EXPECT_EQ(verdict(is_owner), "");
  }
}

TEST(TokenRightsOf, RejectsAllUsers) {
  for (const mode_t mode : {0644U, 0604U, 0602U, 0601U, 0777U, 0444U}) {
    TokenRights open = rights(mode);
    open.private_group = true;  // does not matter
    EXPECT_THAT(verdict(open), AllOf(HasSubstr("["), HasSubstr("all users"),
                                     HasSubstr("chmod 600 '/home/me/my token'"),
                                     HasSubstr("--token-file-mode any")));
    EXPECT_THAT(verdict(open, TokenFileMode::any),
                AllOf(HasSubstr("all users"), Not(HasSubstr("["))));
  }
}

TEST(TokenRightsOf, WarnsIfModeCannotBeChanged) {
  TokenRights cifs = rights(0777);
  cifs.modeless_file_system = "CIFS";
  EXPECT_THAT(verdict(cifs), AllOf(HasSubstr("CIFS"), HasSubstr("777"), Not(HasSubstr("["))));
  TokenRights secret = rights(0644);  // a Kubernetes secret: a read-only tmpfs
  secret.read_only = true;
  EXPECT_THAT(verdict(secret), AllOf(HasSubstr("all users"), Not(HasSubstr("["))));
  TokenRights roots = rights(0444);
  roots.is_owner = false;
  EXPECT_THAT(verdict(roots), AllOf(HasSubstr("all users"), Not(HasSubstr("["))));
}

TEST(TokenRightsOf, ReadsRightsOfFile) {
  const test::TempDir dir;
  const std::string path = dir / "token";
  test::write_file(path, "x");
  ASSERT_EQ(::chmod(path.c_str(), 0604), 0);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto found = token_rights(fd.get(), path);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->mode, 0604U);
  EXPECT_TRUE(found->is_owner);
  EXPECT_FALSE(found->read_only);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  // Change to a group that is nobody's private group.
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path.c_str(), 0, 54321), 0);
    const auto other = token_rights(fd.get(), path);
    ASSERT_TRUE(other);
    EXPECT_EQ(other->group, "54321");
    EXPECT_FALSE(other->private_group);
    ASSERT_EQ(::chown(path.c_str(), 54321, 0), 0);
    EXPECT_FALSE(token_rights(fd.get(), path)->is_owner);
  }
}

TEST(TokenRightsOf, AcceptsPipe) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd out(ends[0]), in(ends[1]);
  EXPECT_EQ(verdict(*token_rights(out.get(), "/dev/fd/63")), "");
}

}  // namespace
}  // namespace sluice::cli::token_rights_test
