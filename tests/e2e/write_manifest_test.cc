// `sluice manifest`, and `sluice run` with its output.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::write_manifest_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using testing::Not;
using testing::SizeIs;

class WrittenManifest : public testing::Test {
 protected:
  test::Finished manifest(const Arguments& arguments, const std::string& input = "") {
    test::Process::Options options;
    options.argv = {sluice_binary, "manifest"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.directory = directory_.path();
    options.stdin_text = input;
    return run_sluice(options);
  }
  test::Finished run_manifest(const std::string& url, const Arguments& arguments,
                              const std::filesystem::path& from) {
    test::Process::Options options;
    options.argv = {sluice_binary, "run", "--url", url, "--retries", "0"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = {{"SLUICE_TOKEN", token}};
    options.directory = from;
    return run_sluice(options);
  }
  void write(const std::string& name, const std::string& content) {
    const std::filesystem::path path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    test::write_file(path, content);
  }

  test::TempDir directory_;
};

/// Each file once, for any name, and from another working directory.
TEST_F(WrittenManifest, CanBeRun) {
  const std::vector<std::string> names{
      "tree/plain.bin",           "tree/a \"quoted\", file.bin", "tree/caf\u00e9 \u5f15\u7528.bin",
      "tree/line\nend/inner.bin", "tree/tab\tand 'x'/\\n.bin",   "tree/empty"};
  for (const std::string& name : names)
    write(name, name.ends_with("empty") ? "" : test::random_bytes(5000, name.size()));
  write("tree/skipped.tmp", "x");
  std::filesystem::create_directory(directory_ / "lists");
  for (const std::string& format : std::vector<std::string>{"csv", "tsv", "jsonl"}) {
    SCOPED_TRACE(format);
    const std::string list = "lists/m." + format;
    const test::Finished written = manifest({"-r", "--exclude", "*.tmp", "--dataset", dataset,
                                             "--digest", "md5,sha256", "-o", list, "tree"});
    ASSERT_EQ(written.status, 0) << written.err;
    EXPECT_EQ(written.out, "");
    Bank bank;
    const test::Finished sent = run_manifest(bank.url(), {directory_ / list}, "/");
    EXPECT_EQ(sent.status, 0) << sent.err;
    EXPECT_THAT(bank.registered(), SizeIs(names.size()));
    for (const std::string& name : names) {
      const std::filesystem::path file = directory_ / name;
      EXPECT_TRUE(test::same_content(file, bank.deposited(file.filename().string()))) << name;
    }
  }
}

TEST_F(WrittenManifest, RejectsFileChangedSinceManifest) {
  write("scan.h5", "content");
  write("same.h5", "content 2");
  ASSERT_EQ(manifest({"--dataset", dataset, "-o", "m.csv", "scan.h5", "same.h5"}).status, 0);
  write("scan.h5", "CONTENT");
  Bank bank;
  const test::Finished sent = run_manifest(bank.url(), {"m.csv"}, directory_.path());
  EXPECT_EQ(sent.status, 8) << sent.err;
  EXPECT_THAT(sent.err, HasSubstr("scan.h5"));
  EXPECT_THAT(bank.registered(), SizeIs(1));
}

TEST_F(WrittenManifest, IsPrintedWithPathsAsGiven) {
  write("b.bin", test::random_bytes(12'000'000, 3));
  write("a.bin", "");
  const test::Finished written =
      manifest({"--files-from", "-", "--digest", "md5"}, "./b.bin\na.bin\n");
  EXPECT_EQ(written.status, 0) << written.err;
  test::Process::Options md5sum;
  md5sum.argv = {"md5sum", directory_ / "b.bin"};
  const test::Finished md5 = test::run(md5sum);
  EXPECT_EQ(written.out, fmt::format("path,dataset,name,bytes,xxh128,md5\n"
                                     "./b.bin,,b.bin,12000000,{},{}\n"
                                     "a.bin,,a.bin,0,{},d41d8cd98f00b204e9800998ecf8427e\n",
                                     xxh128_of_file(directory_ / "b.bin"), md5.out.substr(0, 32),
                                     xxh128_of_file(directory_ / "a.bin")));
}

TEST_F(WrittenManifest, ReportsSkippedFiles) {
  write("tree/good.bin", "x");
  std::filesystem::create_symlink("good.bin", directory_ / "tree" / "link");
  const Arguments arguments{"-r", "--skip", "links", "--dataset", dataset, "tree"};
  const test::Finished written = manifest(arguments);
  EXPECT_EQ(written.status, 0) << written.err;
  EXPECT_THAT(written.err, HasSubstr("left out (--skip links): tree/link is a symbolic link"));
  EXPECT_THAT(written.out, Not(HasSubstr("tree/link")));
  Arguments quietly = arguments;
  quietly.push_back("--quiet");
  EXPECT_EQ(manifest(quietly).err, "");
}

TEST_F(WrittenManifest, ListsOtherFilesIfOneIsUnreadable) {
  write("good.bin", "x");
  const test::Finished written =
      manifest({"--format", "jsonl", "missing.bin", "good.bin", "--dataset", dataset});
  EXPECT_EQ(written.status, 6);
  EXPECT_THAT(written.err, AllOf(HasSubstr("missing.bin"), Not(HasSubstr("good.bin"))));
  EXPECT_THAT(written.out, AllOf(HasSubstr("good.bin"), Not(HasSubstr("missing.bin"))));

  const test::Finished nothing = manifest({"-o", "m.csv", "missing.bin"});
  EXPECT_EQ(nothing.status, 6);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "m.csv"));
  EXPECT_EQ(manifest({}).status, 2);
  EXPECT_EQ(manifest({"--dataset", "I/B", "good.bin"}).status, 2);
  EXPECT_EQ(manifest({"-o", "no/such/m.csv", "good.bin"}).status, 6);
}

/// The token store is in the home directory.
TEST_F(WrittenManifest, OmitsStoredTokensAndItself) {
  write("home/data.bin", "x");
  write("home/m.csv", "an older manifest");
  write("home/config/sluice/tokens/IDB-1@databank.illinois.edu", std::string(token) + "\n");
  test::Process::Options options;
  options.argv = {sluice_binary, "manifest", "-r", "-o", "home/m.csv", "home"};
  options.env = {{"XDG_CONFIG_HOME", directory_ / "home/config"}};
  options.directory = directory_.path();
  EXPECT_EQ(run_sluice(options).status, 0);
  EXPECT_THAT(test::read_file(directory_ / "home/m.csv"),
              AllOf(HasSubstr("\ndata.bin,"), Not(HasSubstr("m.csv")), Not(HasSubstr("IDB-1"))));
}

TEST_F(WrittenManifest, IsNotWrittenAfterASignal) {
  write("large.bin", "x");
  std::filesystem::resize_file(directory_ / "large.bin", std::uint64_t{1} << 40);  // a hole
  test::Process::Options options;
  options.argv = {sluice_binary, "manifest", "--progress", "always", "-o", "m.csv", "large.bin"};
  options.directory = directory_.path();
  test::Process process(redirected(options, "2>&1"));
  // The progress line has no newline: this is its first output.
  ASSERT_TRUE(process.wait_for_out(
      [](const std::string& out) { return out.find("of 1.00 TiB") != std::string::npos; }));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 128 + SIGTERM) << process.out();
  EXPECT_THAT(process.out(), HasSubstr("no manifest was written"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "m.csv"));
}

}  // namespace
}  // namespace sluice::e2e::write_manifest_test
