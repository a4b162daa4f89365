// Registered files have the bytes of the local file.
#include <fmt/format.h>

#include <random>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::landing_test {
namespace {

using nlohmann::json;
using test::random_bytes;
using test::TempDir;
using test::write_file;
using testing::HasSubstr;

constexpr std::uint64_t kib = 1024, mib = 1024 * kib;

class Deposit : public testing::Test {
 protected:
  std::string file(const std::string& name, std::size_t size) {
    const std::filesystem::path path = directory_ / name;
    write_file(path, random_bytes(size, ++seed_));
    return path;
  }

  /// Uploads a file, and compares the registered file, the report and registered.jsonl with it.
  void expect_deposit(const std::string& path, const std::string& name, const Arguments& more) {
    SCOPED_TRACE(path);
    Arguments arguments{"--json", dataset};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), {"--", path});
    const test::Finished finished = put(bank_.url(), arguments);
    ASSERT_EQ(finished.status, 0) << finished.err;
    const json upload = report_of(finished).at("uploads").at(0);
    EXPECT_EQ(upload.at("status"), "registered");
    EXPECT_EQ(upload.at("name"), name);
    EXPECT_EQ(upload.at("file"), path);
    EXPECT_EQ(upload.at("dataset"), dataset);
    EXPECT_EQ(upload.at("bytes"), std::filesystem::file_size(path));
    EXPECT_EQ(upload.at("xxh128"), xxh128_of_file(path));
    EXPECT_TRUE(test::same_content(path, bank_.deposited(name)));
    const json last = bank_.registered().back();
    EXPECT_EQ(last.at("name"), name);
    EXPECT_EQ(last.at("size"), upload.at("bytes"));
    EXPECT_EQ(last.at("xxh128"), upload.at("xxh128"));
  }

  TempDir directory_;
  std::uint64_t seed_ = std::random_device()();
  const testing::ScopedTrace trace_{__FILE__, __LINE__, fmt::format("seed {}", seed_)};
  Bank bank_;
};

class EverySource : public Deposit, public testing::WithParamInterface<const char*> {};

TEST_P(EverySource, UploadsSizesAroundBlocksAndChunks) {
  const std::uint64_t block = 64 * kib, chunk = mib;
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, block - 1, block, block + 1,
                                   chunk - 1, chunk, chunk + 1, 3 * chunk + 12345}) {
    const std::string name = fmt::format("{}.bin", size);
    expect_deposit(file(name, size), name,
                   {"--read", GetParam(), "--block", "64K", "--chunk", "1M", "--pool", "256K"});
  }
}

TEST_P(EverySource, UploadsSizesAroundDefaultBlockAndChunk) {
  for (const std::uint64_t size : {4 * mib - 1, 4 * mib + 1, 64 * mib - 1, 64 * mib + 1}) {
    const std::string name = fmt::format("{}.bin", size);
    expect_deposit(file(name, size), name, {"--read", GetParam()});
  }
}

INSTANTIATE_TEST_SUITE_P(All, EverySource, testing::Values("auto", "direct", "mmap", "buffered"),
                         [](const auto& read) { return std::string(read.param); });

// CLI11 parses "[x]" as a list; then another file would be uploaded.
TEST_F(Deposit, UploadsFilesWithBracketsInName) {
  std::filesystem::create_directory(directory_ / "names");
  for (const char* name : {"draft", "[draft]", "a", "[a,draft]", "[]"})
    write_file(directory_ / "names" / name, name);
  for (const std::string name : {"[draft]", "[a,draft]", "[]"}) {
    test::Process::Options options = put_options(bank_.url(), {"--json", dataset, "--", name});
    options.directory = directory_ / "names";
    const test::Finished finished = run_sluice(options);
    ASSERT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(report_of(finished).at("uploads").size(), 1U);
    EXPECT_EQ(test::read_file(bank_.deposited(name)), name);
  }
  expect_deposit(file("plain", 10), "[new]", {"--name", "[new]"});
}

TEST_F(Deposit, UploadsChunksThatAreNoMultipleOfBlock) {
  for (const char* chunk : {"1", "4095", "100001", "1GiB"}) {
    const std::size_t size = chunk == std::string("1") ? 50 : 1'000'003;
    const std::string name = fmt::format("chunk-{}", chunk);
    expect_deposit(file(name, size), name, {"--block", "4K", "--chunk", chunk, "--pool", "8K"});
  }
}

TEST_F(Deposit, UploadsNamesWithSpecialCharacters) {
  for (const char* name :
       {"with space.txt", "quote\"s'and`more.txt", "semi;colon; filename=\"x\".txt",
        "ünï-日本-🌊.txt", "-leading-dash", "--json", "100%25.txt", "back\\slash.txt",
        "a=b&c+d?e#f.txt", "*.txt", "$HOME", "tail.", ".hidden", "~", " "})
    expect_deposit(file(name, 1000), name, {});
  const std::string longest(255, 'n');
  expect_deposit(file(longest, 1000), longest, {});
}

TEST_F(Deposit, WarnsOfNamesThatLookTheSame) {
  const TempDir state;
  const auto put_files = [&](const Arguments& files) {
    Arguments all{"--state-dir", state.path(), dataset};
    all.insert(all.end(), files.begin(), files.end());
    const test::Finished finished = put(bank_.url(), all);
    EXPECT_EQ(finished.status, 0) << finished.err;
    return finished.err;
  };
  const std::string composed = file("caf\u00e9", 10), decomposed = file("cafe\u0301", 11);
  EXPECT_THAT(put_files({composed}), testing::Not(HasSubstr("Unicode")));
  EXPECT_THAT(put_files({decomposed}),
              testing::AllOf(HasSubstr("Unicode normalisation"), HasSubstr("an earlier upload")));
  EXPECT_TRUE(test::same_content(composed, bank_.deposited("caf\u00e9")));
  EXPECT_TRUE(test::same_content(decomposed, bank_.deposited("cafe\u0301")));
  EXPECT_THAT(put_files({file("\ud55c", 12), file("\u1112\u1161\u11ab", 13)}),
              testing::AllOf(HasSubstr("Unicode normalisation"), HasSubstr("another file")));
}

TEST_F(Deposit, UploadsUnderAnotherName) {
  expect_deposit(file("local", 1000), "an other; näme", {"--name", "an other; näme"});
}

TEST_F(Deposit, UploadsSeveralFilesSequentially) {
  const Arguments files{file("a", 100'000), file("b", 0), file("c", 1)};
  const test::Finished finished =
      put(bank_.url(), {"--json", dataset, files[0], files[1], files[2]});
  EXPECT_EQ(finished.status, 0) << finished.err;
  const json uploads = report_of(finished).at("uploads");
  ASSERT_EQ(uploads.size(), 3U);
  const auto registered = bank_.registered();
  ASSERT_EQ(registered.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(uploads[i].at("file"), files[i]);
    EXPECT_EQ(uploads[i].at("status"), "registered");
    EXPECT_EQ(registered[i].at("name"), uploads[i].at("name"));
    EXPECT_TRUE(test::same_content(files[i], bank_.deposited(uploads[i].at("name"))));
  }
}

TEST_F(Deposit, UploadsTargetOfSymbolicLinkUnderLinkName) {
  file("target", 5000);
  std::filesystem::create_symlink("target", directory_ / "link");
  expect_deposit(directory_ / "link", "link", {});
}

/// Nothing is registered: a later upload of the same name works.
TEST_F(Deposit, DryRunSendsNothing) {
  const std::string path = file("scan", 1000);
  const test::Finished dry = put(bank_.url(), {"--dry-run", "--json", dataset, path});
  EXPECT_EQ(dry.status, 0) << dry.err;
  EXPECT_EQ(report_of(dry).at("uploads").at(0).at("status"), "skipped");
  EXPECT_TRUE(bank_.registered().empty());
  EXPECT_THAT(bank_.process().out(), testing::Not(HasSubstr("successfully set up")));
  const test::Finished said = put(bank_.url(), {"--dry-run", dataset, path});
  EXPECT_THAT(said.out, HasSubstr("the name is free"));
  expect_deposit(path, "scan", {});
  const test::Finished again = put(bank_.url(), {"--dry-run", dataset, path});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("already registered"));
  const test::Finished taken = put(bank_.url(), {"--dry-run", "--no-journal", dataset, path});
  EXPECT_EQ(taken.status, 5);
}

TEST_F(Deposit, TakesUrlFromEnvironmentWithTrailingSlashes) {
  test::Process::Options options =
      put_options("", {dataset, file("scan", 1000)},
                  {{"SLUICE_TOKEN", token}, {"SLUICE_URL", bank_.url() + "//"}});
  options.argv.erase(options.argv.begin() + 2, options.argv.begin() + 4);  // --url
  const test::Finished finished = run_sluice(options);
  EXPECT_EQ(finished.status, 0) << finished.err;
}

TEST_F(Deposit, ObeysRateLimit) {
  // A quarter of a second more than the burst; only a higher rate is an error.
  const test::Finished finished =
      put(bank_.url(), {"--json", "--limit-rate", "4MB/s", dataset, file("scan", 4'000'000)});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_GE(report_of(finished).at("uploads").at(0).at("seconds").get<double>(), 0.8);
}

TEST_F(Deposit, VerbosePrintsReadMode) {
  const test::Finished finished =
      put(bank_.url(), {"--verbose", "--read", "buffered", dataset, file("scan", 1000)});
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.err, HasSubstr("reading through the page cache, as requested"));
  EXPECT_THAT(finished.out, HasSubstr("is registered in dataset"));
}

TEST_F(Deposit, QuietPrintsNothing) {
  const test::Finished finished = put(bank_.url(), {"--quiet", dataset, file("scan", 1000)});
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(finished.err, "");
}

TEST_F(Deposit, SummaryHasDigestAndBottleneck) {
  const std::string path = file("scan", 100'000);
  const test::Finished finished = put(bank_.url(), {dataset, path});
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.out, HasSubstr(xxh128_of_file(path)));
  EXPECT_THAT(finished.out, HasSubstr("100000"));
  EXPECT_THAT(finished.out, testing::ContainsRegex(
                                "\n  bottleneck  (disk|checksums|journal|network|server): [a-z]"));
  EXPECT_EQ(finished.err, "");
}

}  // namespace
}  // namespace sluice::e2e::landing_test
