// `sluice batch` on one machine (--local); tests/slurm runs it with a real Slurm.
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::batch_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* other_dataset = "IDB-7654321";

class BatchRun : public testing::Test {
 protected:
  static Arguments bank_arguments(const std::string& protocols) {
    return {"--protocols", protocols, "--dataset",
            std::string(other_dataset) + '=' + std::string(token)};
  }
  /// Returns how to run `sluice batch files.csv`, or another command such as "status".
  test::Process::Options options(const std::string& url, const Arguments& more,
                                 const std::string& command = "batch") {
    test::Process::Options options = put_options(url, {});
    options.argv = {sluice_binary, command};
    if (command == "batch") options.argv.insert(options.argv.end(), {"--url", url});
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    return options;
  }
  test::Finished run(const Bank& bank, const Arguments& more,
                     const std::string& command = "batch") {
    return run_sluice(options(bank.url(), more, command));
  }
  std::string manifest() const { return directory_ / "files.csv"; }
  std::string batch() const { return directory_ / "files.batch"; }
  Arguments local(const Arguments& more = {}) {
    Arguments words{manifest(), "--local", "--json", "--state-dir", state_.path()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  void write_manifest(const std::map<std::string, std::string>& dataset_of, std::size_t size) {
    std::string lines = "path,dataset\n";
    for (const auto& [name, key] : dataset_of) {
      test::write_random_file(directory_ / name, size, size);
      lines += name + ',' + key + '\n';
    }
    test::write_file(manifest(), lines);
  }
  static std::map<std::string, int> counts(const Bank& bank) {
    std::map<std::string, int> found;
    for (const json& line : bank.registered()) ++found[line.at("name").get<std::string>()];
    return found;
  }
  /// Returns the shards that have files of that dataset.
  std::set<std::size_t> shards_of(const json& report, const std::string& dataset_key) {
    std::set<std::size_t> shards;
    for (const json& upload : report.at("uploads"))
      if (upload.at("dataset") == dataset_key) shards.insert(upload.at("shard").get<std::size_t>());
    return shards;
  }

  test::TempDir directory_;
  test::TempDir state_;
};

TEST_F(BatchRun, UploadsAndReportsAllShards) {
  Bank bank(bank_arguments("tus"));
  write_manifest({{"a", dataset}, {"b", dataset}, {"c", other_dataset}, {"d", dataset}}, 100'000);
  const test::Finished finished =
      run(bank, local({"--shards", "2", "--limit-rate", "100M", "--digest", "md5"}));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const json report = json::parse(finished.out);
  EXPECT_TRUE(report.at("all_registered").get<bool>());
  EXPECT_EQ(report.at("registered"), 4);
  EXPECT_EQ(report.at("sent"), 400'000);
  ASSERT_EQ(report.at("shards").size(), 2U);
  for (const json& shard : report.at("shards")) EXPECT_EQ(shard.at("files"), 2);
  EXPECT_EQ(report.at("uploads").at(0).at("state"), "registered");
  EXPECT_EQ(report.at("uploads").at(0).at("receipt").at("md5").get<std::string>().size(), 32U);
  EXPECT_EQ(json::parse(test::read_file(batch() + "/report.json")), report);
  EXPECT_EQ(shards_of(report, dataset).size(), 2U) << "over tus a dataset is divided";

  // A second run sends nothing, and has the same shards.
  const test::Finished again =
      run(bank, local({"--shards", "2", "--limit-rate", "100M", "--digest", "md5"}));
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(json::parse(again.out), report);
  for (const auto& [name, count] : counts(bank)) EXPECT_EQ(count, 1) << name;

  const test::Finished status = run(bank, Arguments{batch()}, "status");
  EXPECT_EQ(status.status, 0);
  EXPECT_THAT(status.out,
              HasSubstr("shard 1 of 2: 2 of 2 files registered, 200000 of 200000 bytes sent\n"));
  EXPECT_THAT(status.out, HasSubstr("all shards: 4 of 4 files registered"));
  EXPECT_THAT(run(bank, {batch(), "--shard", "2"}, "status").out, Not(HasSubstr("shard 1")));
  EXPECT_EQ(run(bank, {batch(), "--shard", "3"}, "status").status, 2);
}

TEST_F(BatchRun, KeepsPhasedDatasetInOneShard) {
  Bank bank(bank_arguments("phased"));
  write_manifest({{"a", dataset}, {"b", dataset}, {"c", other_dataset}, {"d", other_dataset}},
                 10'000);
  const test::Finished finished = run(bank, local({"--shards", "3"}));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const json report = json::parse(finished.out);
  EXPECT_EQ(report.at("shards").size(), 2U);
  EXPECT_EQ(shards_of(report, dataset).size(), 1U);
  EXPECT_EQ(shards_of(report, other_dataset).size(), 1U);
  EXPECT_THAT(finished.err, HasSubstr("made 2 shards instead of 3"));
}

TEST_F(BatchRun, ReportsFailureOfAShard) {
  Bank bank({"--protocols", "tus", "--dataset", std::string(other_dataset) + '=' + token, "--fault",
             "status:500,every=1,on=register"});
  write_manifest({{"a", dataset}, {"b", dataset}}, 10'000);
  const test::Finished finished = run(bank, local({"--shards", "2", "--retries", "0"}));
  EXPECT_NE(finished.status, 0);
  const json report = json::parse(finished.out);
  EXPECT_FALSE(report.at("all_registered").get<bool>());
  EXPECT_EQ(report.at("uploads").at(0).at("state"), "unconfirmed") << finished.out;
  EXPECT_THAT(finished.err, HasSubstr("shard-1.log"));
  EXPECT_EQ(run(bank, {"--report", batch()}).status, 1);
}

TEST_F(BatchRun, ResumesAfterSigterm) {
  Bank bank(bank_arguments("tus"));
  write_manifest({{"a", dataset}, {"b", dataset}}, 60'000'000);
  const Arguments slow =
      local({"--shards", "2", "--limit-rate", "4M", "--chunk", "256K", "--block", "256K"});
  test::Process process(options(bank.url(), slow));
  // Both have sent data: 5 MiB go with the creation.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto both_began = [&] {
    const test::Finished status = run(bank, {batch(), "--json"}, "status");
    const json report = json::parse(status.out, nullptr, false);
    if (report.is_discarded() || !report.contains("shards")) return false;
    for (const json& shard : report.at("shards"))
      if (shard.at("sent") == 0) return false;
    return report.at("shards").size() == 2;
  };
  while (!both_began()) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 128 + SIGTERM) << process.err();
  const json report = json::parse(process.out());
  EXPECT_FALSE(report.at("all_registered").get<bool>());
  for (const json& upload : report.at("uploads")) EXPECT_EQ(upload.at("state"), "interrupted");

  const test::Finished resumed = run(
      bank, local({"--shards", "2", "--limit-rate", "1G", "--chunk", "256K", "--block", "256K"}));
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  for (const auto& [name, count] : counts(bank)) EXPECT_EQ(count, 1) << name;
  EXPECT_THAT(test::read_file(batch() + "/shard-1.log"), HasSubstr("resumed at"));
  for (const char* name : {"a", "b"})
    EXPECT_EQ(test::read_file(bank.deposited(name)), test::read_file(directory_ / name));
}

TEST_F(BatchRun, RejectsBadInputBeforeWriting) {
  Bank bank(bank_arguments("tus"));
  write_manifest({{"a", dataset}, {"b", dataset}}, 10);
  const auto refused = [&](const Arguments& more, int status, const std::string& why) {
    const test::Finished finished = run(bank, more);
    EXPECT_EQ(finished.status, status) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(why));
    EXPECT_FALSE(std::filesystem::exists(batch()));
  };
  refused({manifest()}, 2, "--shards N");
  refused({manifest(), "--shards", "0"}, 2, "--shards");
  refused({"-", "--shards", "2"}, 2, "from standard input");
  refused(local({"--shards", "2", "--chunk", "5Q"}), 2, "--chunk");
  refused({manifest(), "--shards", "2", "--local", "--submit"}, 2, "--submit");
  refused(local({"--shards", "2", "--sbatch=time=3"}), 2, "not an option of sbatch");
  refused(local({"--shards", "2", "--sbatch=--time=3\necho"}), 2, "not an option of sbatch");
  refused({manifest(), "--report", directory_.path()}, 2,
          "--report was given together with a manifest");
  // Other users can read the environment of a job.
  refused({manifest(), "--shards", "2"}, 2, "SLUICE_TOKEN");
  std::filesystem::remove(directory_ / "b");
  refused(local({"--shards", "2"}), 6, "No such file");
}

TEST_F(BatchRun, UsesNoMoreThanSlurmGranted) {
  Bank bank(bank_arguments("tus"));
  test::write_random_file(directory_ / "a", 1000, 1);
  const test::Finished finished = put(bank.url(), {"--verbose", dataset, directory_ / "a"},
                                      {{"SLUICE_TOKEN", token},
                                       {"SLURM_JOB_ID", "7"},
                                       {"SLURM_CPUS_PER_TASK", "1"},
                                       {"SLURM_MEM_PER_NODE", "64"}});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("granted by Slurm: 1 core, 64.00 MiB of memory; a pool of "
                                      "32.00 MiB instead of 64.00 MiB"));
}

/// With either option, a repeated or requeued shard would register its files again.
TEST_F(BatchRun, IgnoresConfiguredRestartAndNoJournal) {
  Bank bank(bank_arguments("tus"));
  write_manifest({{"a", dataset}, {"b", dataset}}, 1000);
  for (int i = 0; i < 2; ++i) {
    auto how = options(bank.url(), local({"--shards", "2"}));
    for (const char* variable : {"RESTART", "NO_JOURNAL", "DRY_RUN"})
      how.env[std::string("SLUICE_") + variable] = "1";
    how.env["SLUICE_FORMAT"] = "csv";
    const test::Finished finished = run_sluice(how);
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(json::parse(finished.out).at("all_registered").get<bool>());
  }
  EXPECT_EQ(counts(bank).size(), 2U);
  for (const auto& [name, count] : counts(bank)) EXPECT_EQ(count, 1) << name;
}

TEST_F(BatchRun, ReportsChangedFile) {
  Bank bank(bank_arguments("tus"));
  write_manifest({{"a", dataset}, {"b", dataset}}, 1000);
  EXPECT_EQ(run(bank, local({"--shards", "2"})).status, 0);
  test::write_random_file(directory_ / "a", 1500, 7);
  std::filesystem::remove(directory_ / "b");  // the file is not needed any more
  const test::Finished report = run(bank, {"--report", batch(), "--json"});
  EXPECT_EQ(report.status, 1) << report.err;
  EXPECT_EQ(json::parse(report.out).at("uploads").at(0).at("state"), "changed");
  EXPECT_EQ(json::parse(report.out).at("uploads").at(1).at("state"), "registered");
}

/// The script has the configured options, but no password.
TEST_F(BatchRun, ReadsOptionsFromConfiguration) {
  Bank bank(bank_arguments("tus"));
  write_manifest({{"a", dataset}, {"b", dataset}}, 10);
  test::write_file(directory_ / "token", token);
  test::write_file(directory_ / "config.toml",
                   "[batch]\nshards = 2\nsbatch = [\"--time=1:00:00\", \"--account=lab\"]\n"
                   "fail-fast = true\nverify-prefix = false\nlimit-rate = \"10M\"\n"
                   "proxy = \"http://me:s3cr3t@127.0.0.1:1\"\n");
  for (const char* private_one : {"token", "config.toml"})
    std::filesystem::permissions(directory_ / private_one, std::filesystem::perms::owner_read);
  const test::Finished finished =
      run(bank, {manifest(), "--token-file", directory_ / "token", "--config",
                 directory_ / "config.toml", "--state-dir", state_.path()});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const std::string script = test::read_file(batch() + "/job.sh");
  for (const char* part :
       {"#SBATCH --array=1-2\n", "#SBATCH --time=1:00:00\n#SBATCH --account=lab\n",
        "--limit-rate 5242880 ", " --fail-fast ", " --config ", " --verify-prefix=false "})
    EXPECT_THAT(script, HasSubstr(part));
  EXPECT_THAT(script, Not(HasSubstr("s3cr3t")));
}

TEST_F(BatchRun, DividesLimitRateInScript) {
  Bank bank(bank_arguments("tus"));
  write_manifest({{"a", dataset}, {"b", dataset}, {"c", dataset}}, 10);
  test::write_file(directory_ / "token", token);
  std::filesystem::permissions(directory_ / "token", std::filesystem::perms::owner_read);
  const test::Finished finished =
      run(bank, {manifest(), "--shards", "3", "--limit-rate", "30M", "--token-file",
                 directory_ / "token", "--sbatch=--time=1:00:00", "--state-dir", state_.path()});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const std::string script = test::read_file(batch() + "/job.sh");
  for (const char* part : {"--limit-rate 10485760 ", "--token-wait 12h ", "--retries 1000 ",
                           "#SBATCH --time=1:00:00\n", "#SBATCH --array=1-3\n"})
    EXPECT_THAT(script, HasSubstr(part));
  EXPECT_THAT(script, Not(HasSubstr(token)));
  EXPECT_THAT(finished.out, HasSubstr("sbatch " + batch() + "/job.sh"));
}

}  // namespace
}  // namespace sluice::e2e::batch_test
