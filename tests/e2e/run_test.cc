// `sluice run`: a manifest of files for several datasets.
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::run_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* other_dataset = "IDB-7654321";

class ManifestRun : public testing::Test {
 protected:
  static Arguments bank_arguments(const std::string& protocols) {
    return {"--protocols", protocols, "--dataset",
            std::string(other_dataset) + '=' + std::string(token)};
  }
  /// Runs `sluice run` on a manifest with these lines.
  test::Finished run_manifest(const Bank& bank, const std::string& lines,
                              const Arguments& more = {}) {
    return run_sluice(run_options(bank, lines, more));
  }
  test::Process::Options run_options(const Bank& bank, const std::string& lines,
                                     const Arguments& more = {}) {
    test::write_file(directory_ / "m.csv", lines);
    test::Process::Options options = put_options(bank.url(), more);
    for (std::string& word : options.argv)
      if (word == "put") word = "run";
    options.argv.push_back(directory_ / "m.csv");
    options.argv.insert(options.argv.end(), {"--state-dir", state_.path()});
    return options;
  }
  std::string file(const std::string& name, std::size_t size) {
    test::write_random_file(directory_ / name, size, size);
    return directory_ / name;
  }
  /// Returns how often each name is registered in each dataset.
  static std::map<std::string, int> counts(const Bank& bank) {
    std::map<std::string, int> found;
    for (const json& line : bank.registered())
      ++found[line.at("dataset").get<std::string>() + '/' + line.at("name").get<std::string>()];
    return found;
  }

  test::TempDir directory_;
  test::TempDir state_;
};

class ManifestRunByProtocol : public ManifestRun,
                              public testing::WithParamInterface<const char*> {};

TEST_P(ManifestRunByProtocol, UploadsEachFileOnce) {
  Bank bank(bank_arguments(GetParam()));
  std::string lines = "path,dataset,name\n";
  for (std::size_t i = 0; i < 12; ++i)
    lines += fmt::format("{},{},\n", file(fmt::format("f{}", i), 1000 + 10 * i),
                         i % 3 == 0 ? other_dataset : dataset);
  lines += fmt::format("f0,{},\"again, f0\"\n", dataset);  // relative to the manifest
  const test::Finished finished = run_manifest(bank, lines, {"--json"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(report_of(finished).at("uploads").size(), 13U);
  EXPECT_EQ(report_of(finished).at("uploads").at(12).at("name"), "again, f0");
  const auto registered = counts(bank);
  EXPECT_EQ(registered.size(), 13U);
  for (const auto& [name, count] : registered) EXPECT_EQ(count, 1) << name;
  EXPECT_EQ(registered.count(std::string(other_dataset) + "/f3"), 1U);
  EXPECT_EQ(test::read_file(bank.deposited("again, f0")), test::read_file(directory_ / "f0"));
}

TEST_F(ManifestRun, RejectsReceiptsOfTheSameName) {
  Bank bank(bank_arguments("tus"));
  const std::string receipts = directory_ / "receipts";
  std::filesystem::create_directory(receipts);
  const std::string lines =
      fmt::format("path,dataset,name\n{},{},same\n{},{},same\n{},{},other\n", file("a", 10),
                  dataset, file("b", 20), other_dataset, file("c", 30), dataset);
  const test::Finished refused = run_manifest(bank, lines, {"--receipt", receipts});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, testing::AllOf(HasSubstr("'same' in dataset " + std::string(dataset)),
                                          HasSubstr("dataset " + std::string(other_dataset)),
                                          HasSubstr("same.sluice.json")));
  EXPECT_TRUE(bank.registered().empty());
  EXPECT_EQ(run_manifest(bank, lines).status, 0);
}

TEST_P(ManifestRunByProtocol, DoesNothingIfAllFilesAreRegistered) {
  std::string lines = "path,dataset\n";
  for (int i = 0; i < 5; ++i)
    lines += fmt::format("{},{}\n", file(fmt::format("f{}", i), 100), dataset);
  Bank bank(bank_arguments(GetParam()));
  ASSERT_EQ(run_manifest(bank, lines).status, 0);
  bank.process().signal(SIGKILL);  // the second run must not need the server
  const test::Finished again = run_manifest(bank, lines, {"--json"});
  EXPECT_EQ(again.status, 0) << again.err;
  const json report = report_of(again);
  for (const json& upload : report.at("uploads"))
    EXPECT_TRUE(upload.contains("registered_before")) << upload;
}

TEST_P(ManifestRunByProtocol, Exit8ForFileThatDiffersFromManifest) {
  Bank bank(bank_arguments(GetParam()));
  const std::string zeros(32, '0');
  const test::Finished finished = run_manifest(
      bank,
      fmt::format("path,dataset,bytes,xxh128,md5\n{0},{4},5,,\n{1},{4},,{5},\n{2},{4},,,{5}\n"
                  "{3},{4},100,,\n",
                  file("bytes", 100), file("xxh128", 100), file("md5", 100), file("good", 100),
                  dataset, zeros),
      {"--json"});
  EXPECT_EQ(finished.status, 8) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("the file has 100 bytes, and the manifest says 5"));
  EXPECT_THAT(finished.err, HasSubstr(zeros + " was expected"));
  const auto registered = counts(bank);
  EXPECT_EQ(registered.size(), 1U);
  EXPECT_EQ(registered.count(std::string(dataset) + "/good"), 1U);
}

INSTANTIATE_TEST_SUITE_P(Protocols, ManifestRunByProtocol, testing::Values("tus", "phased"),
                         [](const auto& one) { return std::string(one.param); });

/// A phased server can report what was registered when the run was killed. The earlier run computed
/// no MD5.
TEST_P(ManifestRunByProtocol, Exit8ForDigestMissingInReceipt) {
  Bank bank(bank_arguments(GetParam()));
  test::write_file(directory_ / "abc", std::string("abc"));
  const auto lines = [&](const std::string& md5) {
    return fmt::format("path,dataset,md5\nabc,{},{}\n", dataset, md5);
  };
  ASSERT_EQ(run_manifest(bank, lines("")).status, 0);
  const std::string zeros(32, '0');
  const test::Finished planned = run_manifest(bank, lines(zeros), {"--dry-run"});
  EXPECT_EQ(planned.status, 0) << planned.err;
  EXPECT_THAT(planned.out, HasSubstr("would be read and compared"));
  const test::Finished wrong = run_manifest(bank, lines(zeros), {"--json"});
  EXPECT_EQ(wrong.status, 8) << wrong.err;
  EXPECT_THAT(wrong.err, HasSubstr(zeros + " was expected"));
  const std::string abc = "900150983cd24fb0d6963f7d28e17f72";  // RFC 1321, A.5
  const test::Finished right = run_manifest(bank, lines(abc), {"--json"});
  EXPECT_EQ(right.status, 0) << right.err;
  EXPECT_EQ(report_of(right).at("uploads").at(0).at("md5"), abc);
  EXPECT_EQ(counts(bank).size(), 1U);
}

TEST_P(ManifestRunByProtocol, Exit8InDryRunForDifferentDigest) {
  Bank bank(bank_arguments(GetParam()));
  const std::string path = file("a", 100);
  ASSERT_EQ(run_manifest(bank, fmt::format("path,dataset\n{},{}\n", path, dataset)).status, 0);
  const test::Finished planned = run_manifest(
      bank, fmt::format("path,dataset,xxh128\n{},{},{}\n", path, dataset, std::string(32, '0')),
      {"--dry-run"});
  EXPECT_EQ(planned.status, 8) << planned.err;
}

TEST_F(ManifestRun, ResumesAfterRepeatedKills) {
  Bank bank(bank_arguments("phased"));
  std::string lines = "path,dataset\n";
  for (std::size_t i = 0; i < 24; ++i)
    lines += fmt::format("{},{}\n", file(fmt::format("f{}", i), 20'000 + i),
                         i % 2 == 0 ? other_dataset : dataset);
  for (int kill = 0; kill < 3; ++kill) {
    test::Process run(run_options(bank, lines));
    // The largest file of a dataset goes first: f23, f21, ...
    const std::string fourth = fmt::format("f{} successfully uploaded", 17 - 6 * kill);
    ASSERT_NE(bank.process().wait_for_line(fourth), "") << run.err();
    run.signal(SIGKILL);
    EXPECT_EQ(run.wait(), 128 + SIGKILL);
  }
  const test::Finished finished = run_manifest(bank, lines);
  EXPECT_EQ(finished.status, 0) << finished.err;
  const auto registered = counts(bank);
  EXPECT_EQ(registered.size(), 24U);
  for (const auto& [name, count] : registered) EXPECT_EQ(count, 1) << name;
  for (int i = 1; i < 24; i += 2) {
    const std::string name = fmt::format("f{}", i);
    EXPECT_EQ(test::read_file(bank.deposited(name)), test::read_file(directory_ / name)) << name;
  }
}

TEST_F(ManifestRun, Exit2ForManifestWithErrors) {
  Bank bank;
  const test::Finished finished = run_manifest(
      bank, fmt::format("path,dataset\n{},{}\n,{}\nx,\n", file("a", 10), dataset, dataset));
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("m.csv"));
  EXPECT_THAT(finished.err, HasSubstr("line 3"));
  EXPECT_THAT(finished.err, HasSubstr("line 4"));
  EXPECT_TRUE(bank.registered().empty());
}

TEST_F(ManifestRun, Exit4ForUnknownDatasetButUploadsOthers) {
  Bank bank(bank_arguments("tus"));
  const test::Finished finished = run_manifest(
      bank, fmt::format("path,dataset\n{},IDB-1\n{},{}\n", file("a", 10), file("b", 10), dataset),
      {"--json"});
  EXPECT_EQ(finished.status, 4) << finished.err;
  EXPECT_EQ(counts(bank), (std::map<std::string, int>{{std::string(dataset) + "/b", 1}}));
}

TEST_F(ManifestRun, RejectsTokenFileForTwoDatasets) {
  Bank bank(bank_arguments("tus"));
  test::write_file(directory_ / "token", std::string(token));
  std::filesystem::permissions(directory_ / "token", std::filesystem::perms(0600));
  const test::Finished finished = run_manifest(
      bank, fmt::format("path,dataset\n{0},{1}\n{0},{2}\n", file("a", 10), dataset, other_dataset),
      {"--token-file", directory_ / "token"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("2 datasets"));
}

TEST_F(ManifestRun, Exit6ForTokensAndJournal) {
  Bank bank(bank_arguments("tus"));
  const std::string token_file = directory_ / "token";
  const std::string tokens = directory_ / "config/sluice/tokens";
  const std::string stored = tokens + "/IDB-1@databank.example.edu";
  std::filesystem::create_directories(tokens);
  for (const std::string& path : {token_file, stored}) {
    test::write_file(path, std::string(token));
    std::filesystem::permissions(path, std::filesystem::perms(0600));
  }
  std::string lines = fmt::format("path,dataset\n{},{}\n", file("a", 10), dataset);
  const auto run = [&] {
    test::Process::Options options = run_options(bank, lines, {"--token-file", token_file});
    options.env["XDG_CONFIG_HOME"] = directory_ / "config";
    return run_sluice(options);
  };
  ASSERT_EQ(run().status, 0);
  const std::string journal = state_ / "journal.sqlite";
  ASSERT_TRUE(std::filesystem::exists(journal));
  const std::string link = directory_ / "link";
  std::filesystem::create_symlink(token_file, link);
  for (const std::string& path : {link, stored, journal})
    lines += fmt::format("{},{}\n", path, dataset);
  const test::Finished finished = run();
  EXPECT_EQ(finished.status, 6) << finished.err;
  for (const std::string& path : {link, stored, journal})
    EXPECT_THAT(finished.err, HasSubstr(path));
  EXPECT_EQ(counts(bank), (std::map<std::string, int>{{std::string(dataset) + "/a", 1}}));
}

}  // namespace
}  // namespace sluice::e2e::run_test
