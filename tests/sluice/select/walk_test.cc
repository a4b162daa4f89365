#include "tools/sluice/select/walk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "io/unique_fd.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace sluice::cli::walk_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SelectWalk : public testing::Test {
 protected:
  ~SelectWalk() override {
    // std::filesystem::remove_all() needs a descriptor for each level.
    test::run({.argv = {"rm", "-rf", root_}, .env = {}, .stdin_text = {}, .directory = {}});
  }

  void file(const std::string& path, const std::string& content = "x") {
    fs::create_directories(fs::path(root_ + "/" + path).parent_path());
    test::write_file(root_ + "/" + path, content);
  }

  void look(const WalkOptions& options = {}) { look_at(root_, options); }
  void look_at(const std::string& root, const WalkOptions& options = {}) {
    found_.clear();
    bytes_ = 0;
    left_out_.clear();
    walk(root, options,
         {.file =
              [&](std::string path, std::size_t at, std::uint64_t bytes) {
                found_.push_back(path.substr(at));
                path_ = std::move(path);
                bytes_ += bytes;
              },
          .left_out = [&](LeftOut item) { left_out_.push_back(std::move(item)); }});
  }
  /// Changes to another user if the user is root, who can read everything.
  void look_as_nobody() {
    const bool root = ::geteuid() == 0;
    if (root && ::seteuid(65534) != 0) FAIL();
    look();
    if (root && ::seteuid(0) != 0) FAIL();
  }
  void expect_left_out(const std::string& path, LeftOutReason reason, const std::string& says) {
    SCOPED_TRACE(path);
    ASSERT_THAT(left_out_, SizeIs(1));
    EXPECT_EQ(left_out_[0].path, path);
    EXPECT_EQ(left_out_[0].reason, reason);
    EXPECT_THAT(left_out_[0].message(), HasSubstr(says));
  }

  test::TempDir directory_;
  const std::string root_ = directory_ / "tree";
  std::vector<std::string> found_;  ///< relative
  std::string path_;                ///< of the last file
  std::uint64_t bytes_ = 0;
  std::vector<LeftOut> left_out_;
};

TEST_F(SelectWalk, FindsFilesBeforeDirectoriesInOrder) {
  file("b/z", "12");
  file("b/a/x", "345");
  file("c");
  file("a");
  file(".hidden");
  fs::create_directory(root_ + "/empty");
  look();
  EXPECT_THAT(found_, ElementsAre(".hidden", "a", "c", "b/z", "b/a/x"));
  EXPECT_EQ(path_, root_ + "/b/a/x");
  EXPECT_EQ(bytes_, 8U);
  EXPECT_THAT(left_out_, IsEmpty());
  look_at(root_ + "/");
  EXPECT_EQ(path_, root_ + "/b/a/x");
}

TEST_F(SelectWalk, SkipsLinksUnlessFollowed) {
  file("data/a");
  fs::create_symlink("data/a", root_ + "/file");
  look();
  EXPECT_THAT(found_, ElementsAre("data/a"));
  expect_left_out(root_ + "/file", LeftOutReason::link, "--follow-links");
  fs::create_symlink("data", root_ + "/other");
  look({.follow_links = true, .filter = {}, .own = {}, .stop = {}});
  EXPECT_THAT(found_, ElementsAre("file", "data/a", "other/a"));
  EXPECT_THAT(left_out_, IsEmpty());
}

TEST_F(SelectWalk, FollowsLinkAtRoot) {
  file("a");
  fs::create_symlink("tree", directory_ / "link");
  look_at(directory_ / "link");
  EXPECT_THAT(found_, ElementsAre("a"));
}

TEST_F(SelectWalk, SkipsCyclicAndBrokenLinks) {
  const WalkOptions follow{.follow_links = true, .filter = {}, .own = {}, .stop = {}};
  file("x/y/a");
  fs::create_symlink("../..", root_ + "/x/y/back");
  look(follow);
  EXPECT_THAT(found_, ElementsAre("x/y/a"));
  expect_left_out(root_ + "/x/y/back/", LeftOutReason::link, "leads back");
  fs::remove(root_ + "/x/y/back");
  fs::create_symlink("nowhere", root_ + "/broken");
  look(follow);
  expect_left_out(root_ + "/broken", LeftOutReason::link, "No such file or directory");
  fs::remove(root_ + "/broken");
  fs::create_symlink("loop", root_ + "/loop");
  look(follow);
  expect_left_out(root_ + "/loop", LeftOutReason::link, "symbolic links");
  look();
  expect_left_out(root_ + "/loop", LeftOutReason::link, "--skip links");
}

TEST_F(SelectWalk, SkipsSpecialFilesWithoutOpeningThem) {
  file("a");
  ASSERT_EQ(::mkfifo((root_ + "/fifo").c_str(), 0600), 0);
  look();
  EXPECT_THAT(found_, ElementsAre("a"));
  expect_left_out(root_ + "/fifo", LeftOutReason::special, "a FIFO");
  fs::remove(root_ + "/fifo");
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (root_ + "/socket").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  look();
  expect_left_out(root_ + "/socket", LeftOutReason::special, "a socket");
  fs::remove(root_ + "/socket");
  fs::create_symlink("/dev/null", root_ + "/device");
  look({.follow_links = true, .filter = {}, .own = {}, .stop = {}});
  expect_left_out(root_ + "/device", LeftOutReason::special, "a device");
}

TEST_F(SelectWalk, SkipsUnreadableFiles) {
  file("a");
  file("b/c");
  ASSERT_EQ(::chmod((root_ + "/b").c_str(), 0), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
  look_as_nobody();
  expect_left_out(root_ + "/b/", LeftOutReason::unreadable, "Permission denied");
  ASSERT_EQ(::chmod((root_ + "/b").c_str(), 0755), 0);
  ASSERT_EQ(::chmod((root_ + "/a").c_str(), 0), 0);
  ASSERT_EQ(::chmod((root_ + "/b/c").c_str(), 0644), 0);
  look_as_nobody();
  EXPECT_THAT(found_, ElementsAre("b/c"));
  expect_left_out(root_ + "/a", LeftOutReason::unreadable, "Permission denied");
}

TEST_F(SelectWalk, ReportsDeletedDirectory) {
  look_at(directory_ / "none");
  expect_left_out(directory_ / "none/", LeftOutReason::missing, "No such file or directory");
}

TEST_F(SelectWalk, AcceptsNamesOfAnyBytes) {
  file("a\nb");
  file("\xff\xfe");
  file("-x");
  look();
  EXPECT_THAT(found_, ElementsAre("-x", "a\nb", "\xff\xfe"));
}

TEST_F(SelectWalk, DoesNotEnterExcludedDirectories) {
  file("keep/a");
  file("tmp/a");
  file("b.tmp");
  Filter filter;
  ASSERT_TRUE(filter.exclude("tmp/"));
  ASSERT_TRUE(filter.exclude("*.tmp"));
  look({.follow_links = false, .filter = &filter, .own = {}, .stop = {}});
  EXPECT_THAT(found_, ElementsAre("keep/a"));
  ASSERT_THAT(left_out_, SizeIs(2));
  EXPECT_EQ(left_out_[0].path, root_ + "/b.tmp");
  EXPECT_EQ(left_out_[0].reason, LeftOutReason::filter);
  EXPECT_THAT(left_out_[0].why, HasSubstr("--exclude '*.tmp'"));
  EXPECT_EQ(left_out_[1].path, root_ + "/tmp");
}

TEST_F(SelectWalk, FindsIncludedFilesInUnmatchedDirectories) {
  file("deep/er/a.tif");
  file("deep/a.txt");
  ASSERT_EQ(::mkfifo((root_ + "/fifo").c_str(), 0600), 0);
  Filter filter;
  ASSERT_TRUE(filter.include("*.tif"));
  look({.follow_links = false, .filter = &filter, .own = {}, .stop = {}});
  EXPECT_THAT(found_, ElementsAre("deep/er/a.tif"));
  ASSERT_THAT(left_out_, SizeIs(2));
  for (const LeftOut& item : left_out_) EXPECT_EQ(item.reason, LeftOutReason::filter);
}

// A token in a public dataset must never happen.
TEST_F(SelectWalk, SkipsFilesInUse) {
  file("token");
  file("state/journal.sqlite");
  file("receipts/a.sluice.json");
  file("receipts/notes.txt");
  fs::create_hard_link(root_ + "/token", root_ + "/another name");
  OwnFiles own;
  own.add(root_ + "/./token");
  own.add(root_ + "/state");
  own.add(root_ + "/none");
  own.add("");
  own.add_directory(root_ + "/receipts", ".sluice.json");
  look({.follow_links = false, .filter = {}, .own = &own, .stop = {}});
  EXPECT_THAT(found_, ElementsAre("receipts/notes.txt"));
  ASSERT_THAT(left_out_, SizeIs(4));
  for (const LeftOut& item : left_out_) EXPECT_EQ(item.reason, LeftOutReason::own) << item.path;
}

/// `sluice put -r . --json > report.json`
TEST_F(SelectWalk, SkipsOutputFile) {
  file("a");
  file("report.json");
  const UniqueFd output(::open((root_ + "/report.json").c_str(), O_WRONLY | O_CLOEXEC));
  const UniqueFd terminal(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(output);
  OwnFiles own;
  own.add_open(output.get());
  own.add_open(terminal.get());
  own.add_open(-1);
  look({.follow_links = false, .filter = {}, .own = &own, .stop = {}});
  EXPECT_THAT(found_, ElementsAre("a"));
  ASSERT_THAT(left_out_, SizeIs(1));
  EXPECT_EQ(left_out_.front().reason, LeftOutReason::own);
}

TEST_F(SelectWalk, SkipsLinkToFileInUse) {
  file("data/a");
  file("tokens/IDB-1");
  fs::create_symlink(root_ + "/tokens/IDB-1", root_ + "/data/link");
  fs::create_hard_link(root_ + "/tokens/IDB-1", root_ + "/data/other");
  OwnFiles own;
  own.add_with_files(root_ + "/tokens");
  own.add_with_files(root_ + "/none");
  own.add_with_files("");
  look({.follow_links = true, .filter = {}, .own = &own, .stop = {}});
  EXPECT_THAT(found_, ElementsAre("data/a"));
  ASSERT_THAT(left_out_, SizeIs(3));
  for (const LeftOut& item : left_out_) EXPECT_EQ(item.reason, LeftOutReason::own) << item.path;
}

// One descriptor at a time, no recursion, and paths longer than PATH_MAX.
TEST_F(SelectWalk, ReachesAnyDepth) {
  for (const auto& [levels, name_bytes] : {std::pair{1000, 1}, std::pair{60, 255}}) {
    const std::string name(static_cast<std::size_t>(name_bytes), 'd');
    fs::create_directory(root_);
    UniqueFd at(::open(root_.c_str(), O_RDONLY | O_DIRECTORY));
    std::string relative;
    for (int i = 0; i < levels; ++i) {
      ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0700), 0);
      at = UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
      relative += name + '/';
    }
    UniqueFd(::openat(at.get(), "file", O_WRONLY | O_CREAT, 0600)).reset();
    at.reset();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit few{static_cast<rlim_t>(::dup(0)) + 8, before.rlim_max};
    ::close(static_cast<int>(few.rlim_cur) - 8);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    look();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_THAT(left_out_, IsEmpty());
    EXPECT_EQ(found_.size(), 1U);
    EXPECT_TRUE(!found_.empty() && found_[0] == relative + "file");
    test::run({.argv = {"rm", "-rf", root_}, .env = {}, .stdin_text = {}, .directory = {}});
  }
}

TEST_F(SelectWalk, EndsAfterStop) {
  file("a");
  file("b/c");
  int asked = 0;
  look({.follow_links = false, .filter = {}, .own = {}, .stop = [&] { return ++asked > 1; }});
  EXPECT_THAT(found_, ElementsAre("a"));
}

}  // namespace
}  // namespace sluice::cli::walk_test
