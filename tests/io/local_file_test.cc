#include "io/local_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "tests/support/temp_dir.h"

namespace sluice::local_file_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Changes to another user for a while if the user is root, who can read everything.
class AsNobody {
 public:
  AsNobody() {
    if (was_root_) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  ~AsNobody() {
    if (was_root_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  const bool was_root_ = ::geteuid() == 0;
};

void expect_refused(const std::string& path, int code, const std::string& why) {
  const auto file = open_local_file(path);
  ASSERT_FALSE(file) << path;
  EXPECT_EQ(file.error().kind, ErrorKind::local_file);
  EXPECT_EQ(file.error().code, code);
  EXPECT_THAT(file.error().message, AllOf(HasSubstr(path), HasSubstr(why), HasSubstr("; ")));
}

TEST(OpenLocalFile, ReturnsIdentity) {
  const test::TempDir dir;
  const std::string path = dir / "data.bin";
  test::write_file(path, "twelve bytes");
  const auto file = open_local_file(path);
  ASSERT_TRUE(file);
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(file->path, path);
  EXPECT_EQ(file->identity.size, 12U);
  EXPECT_EQ(file->identity.inode, facts.st_ino);
  EXPECT_EQ(file->identity.device, facts.st_dev);
  EXPECT_EQ(file->identity.modified, modified_at(facts));
}

TEST(OpenLocalFile, SetsCloseOnExecAndBlockingReads) {
  const test::TempDir dir;
  test::write_file(dir / "data.bin", "x");
  const auto file = open_local_file(dir / "data.bin");
  ASSERT_TRUE(file);
  EXPECT_NE(::fcntl(file->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(::fcntl(file->fd.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(OpenLocalFile, FollowsLink) {
  const test::TempDir dir;
  test::write_file(dir / "data.bin", "x");
  std::filesystem::create_symlink(dir / "data.bin", dir / "link");
  EXPECT_TRUE(open_local_file(dir / "link"));
}

TEST(OpenLocalFile, RejectsMissingFile) {
  const test::TempDir dir;
  test::write_file(dir / "file", "x");
  std::filesystem::create_symlink(dir / "nowhere", dir / "dangling");
  expect_refused(dir / "nowhere", ENOENT, "check the path");
  expect_refused(dir / "dangling", ENOENT, "check the path");
  expect_refused(dir / "file/inside", ENOTDIR, "check the path");
  const auto nameless = open_local_file("");
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().code, ENOENT);
}

TEST(OpenLocalFile, RejectsDirectory) {
  const test::TempDir dir;
  expect_refused(dir.path(), EISDIR, "the path names a directory; give a regular file");
}

TEST(OpenLocalFile, RejectsFifoWithoutBlocking) {
  const test::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  expect_refused(dir / "fifo", EINVAL, "the path names a FIFO");  // a blocking open would hang
}

TEST(OpenLocalFile, RejectsDevice) {
  expect_refused("/dev/zero", EINVAL, "the path names a device");
}

TEST(OpenLocalFile, RejectsSocket) {
  const test::TempDir dir;
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = dir / "socket";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  expect_refused(path, ENXIO, "give a regular file");
}

TEST(OpenLocalFile, RejectsUnreadableFile) {
  const test::TempDir dir;
  std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
  test::write_file(dir / "secret", "x");
  std::filesystem::permissions(dir / "secret", std::filesystem::perms::none);
  const AsNobody nobody;
  expect_refused(dir / "secret", EACCES, "give this user permission to read the file");
}

TEST(IdentityOf, ChangesWithTheFile) {
  const test::TempDir dir;
  const std::string path = dir / "data.bin";
  test::write_file(path, "one");
  const auto file = open_local_file(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(identity_of(file->fd.get(), path).value(), file->identity);

  // The same size: only the time shows the change.
  const timespec times[2] = {{1, 0}, {1234568, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  const FileIdentity touched = identity_of(file->fd.get(), path).value();
  EXPECT_EQ(touched.modified, (FileTime{1234568, 0}));
  EXPECT_NE(touched, file->identity);
}

TEST(IdentityAt, FollowsPath) {
  const test::TempDir dir;
  const std::string path = dir / "data.bin";
  test::write_file(path, "one");
  const auto file = open_local_file(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(identity_at(path).value(), file->identity);
  std::filesystem::create_symlink(path, dir / "link");
  EXPECT_EQ(identity_at(dir / "link").value(), file->identity);

  test::write_file(dir / "other", "two");
  std::filesystem::rename(dir / "other", path);
  EXPECT_NE(identity_at(path)->inode, file->identity.inode);
  std::filesystem::remove(path);
  const auto gone = identity_at(dir / "link");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::local_file);
  EXPECT_EQ(gone.error().code, ENOENT);
}

TEST(AbsolutePath, ResolvesLinksBeforeDotDot) {
  const test::TempDir dir;
  const std::filesystem::path real = std::filesystem::canonical(dir.path());
  std::filesystem::create_directories(real / "a/b");
  test::write_file(real / "a/data.bin", "right");
  test::write_file(real / "data.bin", "wrong");
  std::filesystem::create_directory_symlink(real / "a/b", real / "link");
  EXPECT_EQ(absolute_path(real / "link/../data.bin").value(), real / "a/data.bin");
  EXPECT_EQ(absolute_path(real / "a/b/../data.bin").value(), real / "a/data.bin");
  EXPECT_EQ(absolute_path(real / "a/./data.bin").value(), real / "a/data.bin");
  // A symbolic link in the last component is kept, as it may be changed later.
  EXPECT_EQ(absolute_path(real / "link/x").value(), real / "link/x");
  EXPECT_EQ(absolute_path("/missing/../x").value(), "/x");
}

TEST(AbsolutePath, NeedsWorkingDirectoryOnlyForRelativePath) {
  const std::string before = std::filesystem::current_path();
  EXPECT_EQ(absolute_path("a/../b").value(), before + "/b");
  {
    const test::TempDir dir;
    std::filesystem::current_path(dir.path());
  }
  const auto relative = absolute_path("../b");
  const auto absolute = absolute_path("/a/./b");
  std::filesystem::current_path(before);
  ASSERT_FALSE(relative);
  EXPECT_EQ(relative.error().kind, ErrorKind::local_file);
  EXPECT_THAT(relative.error().message,
              AllOf(HasSubstr("../b"), HasSubstr("working directory was deleted")));
  EXPECT_EQ(absolute.value(), "/a/b");
}

TEST(IdentityOf, NamesFileInError) {
  const auto identity = identity_of(-1, "data.bin");
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, EBADF);
  EXPECT_THAT(identity.error().message, HasSubstr("data.bin"));
}

TEST(ReadError, HasFileOffsetReasonAndAdvice) {
  const Error error = read_error("data.bin", 4096, EIO);
  EXPECT_EQ(
      error.message,
      "cannot read data.bin at offset 4096: Input/output error; check the disk and the system log");
  EXPECT_EQ(error.code, EIO);
  EXPECT_FALSE(error.retryable);
  EXPECT_TRUE(read_error("data.bin", 0, EAGAIN).retryable);
}

TEST(LocalFile, RejectsFileWithContentAndSizeZero) {
  // The first page of the second file cannot be read.
  for (const std::string path : {"/proc/self/status", "/proc/self/mem"}) {
    const auto file = open_local_file(path);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().kind, ErrorKind::local_file);
    EXPECT_NE(file.error().message.find(path), std::string::npos);
  }
}

TEST(LocalFile, RejectsEmptyName) {
  const auto file = open_local_file("");
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("name is empty"), std::string::npos);
}

}  // namespace
}  // namespace sluice::local_file_test
