// Directories, lists and filters: which files are uploaded, and that skipped files are reported.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "io/unique_fd.h"
#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::directory_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

class Directories : public testing::Test {
 protected:
  ~Directories() override {
    // std::filesystem::remove_all() needs a descriptor for each level.
    test::run({.argv = {"rm", "-rf", root_}, .env = {}, .stdin_text = {}, .directory = {}});
  }

  std::string file(const std::string& path, const std::string& content = "content") {
    fs::create_directories(fs::path(root_ + "/" + path).parent_path());
    test::write_file(root_ + "/" + path, content);
    return root_ + "/" + path;
  }

  test::Finished put_tree(const std::string& url, const Arguments& more) {
    Arguments arguments{"-r", dataset, root_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return put(url, arguments);
  }

  static std::set<std::string> registered(const Bank& bank) {
    std::set<std::string> names;
    for (const json& line : bank.registered()) names.insert(line.at("name").get<std::string>());
    return names;
  }
  /// Returns the reasons of skipped files, by path below the tree.
  std::map<std::string, std::string> left_out(const json& report) const {
    std::map<std::string, std::string> kinds;
    if (report.contains("left_out"))
      for (const json& item : report.at("left_out"))
        kinds[item.at("file").get<std::string>().substr(root_.size() + 1)] = item.at("reason");
    return kinds;
  }

  test::TempDir directory_;
  const std::string root_ = directory_ / "tree";
};

TEST_F(Directories, UploadsTreeOnce) {
  for (const char* protocol : {"tus", "phased"}) {
    SCOPED_TRACE(protocol);
    file("a.bin", "1");
    file("deep/er/b.bin", "22");
    file("deep/c.bin", "");
    Bank bank({"--protocols", protocol});
    const test::Finished first = put_tree(bank.url(), {});
    EXPECT_EQ(first.status, 0) << first.err;
    EXPECT_THAT(registered(bank), UnorderedElementsAre("a.bin", "b.bin", "c.bin"));
    EXPECT_EQ(test::read_file(bank.deposited("b.bin")), "22");
    file("d.bin");
    const test::Finished second = put_tree(bank.url(), {});
    EXPECT_EQ(second.status, 0) << second.err;
    EXPECT_THAT(second.out, HasSubstr("1 registered, 3 already registered"));
    EXPECT_EQ(bank.registered().size(), 4U);
    fs::remove(root_ + "/d.bin");
  }
}

TEST_F(Directories, RejectsDirectoryWithoutRecursive) {
  test::ScriptedServer server;
  file("a");
  const test::Finished finished = put(server.url(), {dataset, root_});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, AllOf(HasSubstr(root_), HasSubstr("--recursive")));
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(Directories, RejectsDuplicateNamesBeforeSending) {
  Bank bank;
  const std::string one = file("x/a.bin");
  const std::string other = file("y/a.bin", "other");
  const test::Finished refused = put_tree(bank.url(), {"--json"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr(one), HasSubstr(other), HasSubstr("--name-from path")));
  const json report = json::parse(refused.out);
  EXPECT_EQ(report.at("uploads"), json::array());
  EXPECT_EQ(report.at("error").at("kind"), "usage");
  EXPECT_TRUE(bank.registered().empty());
  const test::Finished joined = put_tree(bank.url(), {"--name-from", "path", "--separator", "+"});
  EXPECT_EQ(joined.status, 0) << joined.err;
  EXPECT_THAT(registered(bank), UnorderedElementsAre("x+a.bin", "y+a.bin"));
}

/// A tree with every kind of bad file.
class BadTree : public Directories {
 protected:
  BadTree() {
    file("good");
    file("new\nline");
    file("\xff\xfe");
    file("left.tmp");
    EXPECT_EQ(::mkfifo((root_ + "/fifo").c_str(), 0600), 0);
    fs::create_symlink("nowhere", root_ + "/broken");
    file("sub/inner");
    fs::create_symlink("..", root_ + "/sub/back");
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (root_ + "/socket").c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
  }

  Bank bank_{{"--protocols", "tus"}};
  UniqueFd socket_;
};

TEST_F(BadTree, ReportsBadFilesAndUploadsOthers) {
  for (const bool follow : {false, true}) {
    const test::Finished finished =
        put_tree(bank_.url(), {"--json", follow ? "-L" : "--verbose", "--exclude", "*.tmp"});
    EXPECT_EQ(finished.status, 6) << finished.err;
    EXPECT_THAT(registered(bank_), UnorderedElementsAre("good", "inner"));
    const json report = report_of(finished);
    std::size_t failed = 0;
    for (const json& upload : report.at("uploads"))
      if (upload.at("status") == "failed") ++failed;
    EXPECT_EQ(failed, 6U);
    for (const char* path : {"/new?line", "/?", "/fifo", "/socket", "/broken", "/sub/back"})
      EXPECT_THAT(finished.err, HasSubstr(root_ + path));
    EXPECT_THAT(left_out(report), ElementsAre(std::pair("left.tmp", "filter")));
  }
}

TEST_F(BadTree, ExitsWith0IfAllSkippedFilesWereRequested) {
  const test::Finished finished = put_tree(
      bank_.url(), {"--json", "-L", "--skip", "links,special,names", "--exclude", "*.tmp"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(registered(bank_), UnorderedElementsAre("good", "inner"));
  const json report = report_of(finished);
  EXPECT_EQ(report.at("uploads").size(), 2U);
  EXPECT_THAT(left_out(report),
              UnorderedElementsAre(std::pair("new\nline", "names"),
                                   std::pair("\xef\xbf\xbd\xef\xbf\xbd", "names"),
                                   std::pair("fifo", "special"), std::pair("socket", "special"),
                                   std::pair("broken", "links"), std::pair("sub/back/", "links"),
                                   std::pair("left.tmp", "filter")));
  const test::Finished said =
      put_tree(bank_.url(), {"-L", "--skip", "links,special,names", "--exclude", "*.tmp"});
  EXPECT_THAT(said.out, HasSubstr("2 already registered, 7 left out"));
  EXPECT_THAT(said.err, HasSubstr("left out (--skip special)"));
}

/// Root can read everything, so drop that privilege.
TEST_F(Directories, ReportsUnreadableFiles) {
  Bank bank;
  file("good");
  file("closed/inner");
  ASSERT_EQ(::chmod(file("secret").c_str(), 0), 0);
  ASSERT_EQ(::chmod((root_ + "/closed").c_str(), 0), 0);
  for (const bool skip : {false, true}) {
    Arguments arguments{"-r", dataset, root_};
    if (skip) arguments.insert(arguments.end(), {"--skip", "unreadable"});
    test::Process::Options options = put_options(bank.url(), arguments);
    if (::geteuid() == 0)
      options.argv.insert(options.argv.begin(),
                          {"setpriv", "--bounding-set", "-dac_override,-dac_read_search",
                           "--inh-caps", "-dac_override,-dac_read_search"});
    const test::Finished finished = run_sluice(options);
    EXPECT_EQ(finished.status, skip ? 0 : 6) << finished.err;
    EXPECT_THAT(finished.err, AllOf(HasSubstr(root_ + "/closed/: Permission denied"),
                                    HasSubstr(root_ + "/secret: Permission denied")));
    EXPECT_THAT(registered(bank), UnorderedElementsAre("good"));
  }
  ASSERT_EQ(::chmod((root_ + "/closed").c_str(), 0700), 0);
}

// The server deletes the file when the run asks for the protocol: after the walk, before the
// upload.
TEST_F(Directories, ReportsFileDeletedBeforeUpload) {
  for (const bool skip : {false, true}) {
    const std::string vanishing = file("b");
    file("a");
    test::ScriptedServer server({{.phase = test::Phase::setup,
                                  .before = [&] { fs::remove(vanishing); },
                                  .carried_out = true}});
    Arguments more{"--json", "--transfers", "1", "--no-journal", "--protocol", "phased"};
    if (skip) more.insert(more.end(), {"--skip", "missing"});
    const test::Finished finished = put_tree(server.url(), more);
    EXPECT_EQ(finished.status, skip ? 0 : 6) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(vanishing + ": No such file or directory"));
    const json report = report_of(finished);
    EXPECT_EQ(report.at("uploads")[0].at("status"), "registered");
    EXPECT_EQ(report.at("uploads").size(), skip ? 1U : 2U);
    EXPECT_EQ(report.contains("left_out"), skip);
  }
}

TEST_F(Directories, UploadsFromDepth200WithPathsBeyondPathMax) {
  const std::string name(60, 'd');
  fs::create_directory(root_);
  UniqueFd at(::open(root_.c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0700), 0);
    at = UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
  }
  const UniqueFd deepest(::openat(at.get(), "deepest", O_WRONLY | O_CREAT, 0600));
  ASSERT_EQ(::write(deepest.get(), "12345", 5), 5);
  Bank bank;
  const test::Finished finished = put_tree(bank.url(), {});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(test::read_file(bank.deposited("deepest")), "12345");
  const test::Finished again = put_tree(bank.url(), {});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(bank.registered().size(), 1U);
}

TEST_F(Directories, Exit6ForPathTooLongForJournal) {
  const std::string name(250, 'd');
  fs::create_directory(root_);
  UniqueFd at(::open(root_.c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < 270; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0700), 0);
    at = UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
  }
  const UniqueFd deepest(::openat(at.get(), "deepest", O_WRONLY | O_CREAT, 0600));
  file("good");
  Bank bank;
  const test::Finished finished = put_tree(bank.url(), {});
  EXPECT_EQ(finished.status, 6) << finished.err.substr(0, 1000);
  EXPECT_THAT(finished.err, HasSubstr("and the journal can keep at most 65536"));
  EXPECT_THAT(registered(bank), UnorderedElementsAre("good"));
}

TEST_F(Directories, NeverUploadsTokenJournalAndReceipts) {
  Bank bank;
  file("data");
  ASSERT_EQ(::chmod(file("token", token).c_str(), 0600), 0);
  fs::create_directory(root_ + "/receipts");
  for (int i = 0; i < 2; ++i) {
    const test::Finished finished = put_tree(
        bank.url(), {"--json", "--token-file", root_ + "/token", "--state-dir", root_ + "/state",
                     "--receipt", root_ + "/receipts", "--sums", root_ + "/SUMS"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_THAT(registered(bank), UnorderedElementsAre("data"));
    if (i == 0) continue;
    for (const auto& [path, kind] : left_out(report_of(finished))) EXPECT_EQ(kind, "own") << path;
    EXPECT_EQ(left_out(report_of(finished)).size(), 4U);
  }
}

TEST_F(Directories, AppliesFiltersInOrder) {
  Bank bank;
  for (const char* name : {"a.tif", "b.tif", "c.txt", "old/d.tif"}) file(name);
  const auto uploads = [&](const Arguments& filters) {
    Arguments more{"--dry-run", "--json"};
    more.insert(more.end(), filters.begin(), filters.end());
    std::set<std::string> names;
    const json report = report_of(put_tree(bank.url(), more));
    for (const json& upload : report.at("uploads"))
      names.insert(upload.at("name").get<std::string>());
    return names;
  };
  EXPECT_THAT(uploads({"--include", "*.tif", "--exclude", "old/"}),
              UnorderedElementsAre("a.tif", "b.tif"));
  EXPECT_THAT(uploads({"--exclude", "*.tif", "--include", "a.tif"}),
              UnorderedElementsAre("a.tif", "c.txt"));
  EXPECT_THAT(uploads({"--exclude", "*.tif", "--include", "a.tif", "--exclude", "a*"}),
              UnorderedElementsAre("c.txt"));
  const std::string rules = directory_ / "rules";
  test::write_file(rules, "*.tif\n");
  EXPECT_THAT(uploads({"--exclude-from", rules, "--include", "d.tif"}),
              UnorderedElementsAre("c.txt", "d.tif"));
  const test::Finished none = put_tree(bank.url(), {"--include", "*.tif", "--exclude", "*"});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("no file to upload"));
}

TEST_F(Directories, ReadsListFromStandardInput) {
  Bank bank;
  const std::string strange = file("b c");
  const std::string text = file("a") + '\0' + strange + '\0' + root_ + "/missing" + '\0';
  test::Process::Options options = put_options(bank.url(), {"--files-from", "-", "-0", dataset});
  options.stdin_text = text;
  const test::Finished finished = run_sluice(options);
  EXPECT_EQ(finished.status, 6) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr(root_ + "/missing: No such file or directory"));
  EXPECT_THAT(registered(bank), UnorderedElementsAre("a", "b c"));
}

TEST_F(Directories, PrintsPlanInDryRun) {
  Bank bank({"--protocols", "tus"});
  file("done", "12345");
  ASSERT_EQ(put_tree(bank.url(), {}).status, 0);
  file("half");
  fs::resize_file(root_ + "/half", 20'000'000);  // minutes, so that the signal comes before the end
  // The server keeps the received bytes.
  test::Process half(
      put_options(bank.url(), {"--limit-rate", "200K", "--chunk", "1M", dataset, root_ + "/half"}));
  ASSERT_NE(bank.process().wait_for_line("PATCH"), "");
  half.signal(SIGTERM);
  EXPECT_EQ(half.wait(), 143);
  file("new", "123");
  const test::Finished finished = put_tree(bank.url(), {"--dry-run", "--json"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  const json report = report_of(finished);
  const json& uploads = report.at("uploads");
  ASSERT_EQ(uploads.size(), 3U);
  EXPECT_EQ(uploads[0].at("plan").at("action"), "none");
  EXPECT_EQ(uploads[0].at("plan").at("bytes_to_send"), 0);
  EXPECT_TRUE(uploads[0].contains("registered_before"));
  const json& resumed = uploads[1].at("plan");
  EXPECT_EQ(resumed.at("bytes_to_send").get<std::uint64_t>(),
            20'000'000 - resumed.at("offset").get<std::uint64_t>());
  EXPECT_EQ(resumed.at("action"), resumed.at("offset") > 0 ? "resume" : "upload");
  EXPECT_EQ(uploads[2].at("plan").at("action"), "upload");
  const json& plan = report.at("plan");
  EXPECT_EQ(plan.at("files"), 3);
  EXPECT_EQ(plan.at("bytes"), 20'000'008);
  EXPECT_EQ(plan.at("bytes_to_send").get<std::uint64_t>(),
            3 + resumed.at("bytes_to_send").get<std::uint64_t>());
  EXPECT_EQ(bank.registered().size(), 1U);
  const test::Finished said = put_tree(bank.url(), {"--dry-run"});
  EXPECT_THAT(said.out, AllOf(HasSubstr("was already registered"), HasSubstr(" to send; how long "),
                              HasSubstr("1 already registered, 2 would be uploaded")));
}

}  // namespace
}  // namespace sluice::e2e::directory_test
