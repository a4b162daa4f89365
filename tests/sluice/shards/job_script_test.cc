#include "tools/sluice/shards/job_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/temp_dir.h"

namespace sluice::cli::job_script_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class JobScript : public testing::Test {
 protected:
  ShardDirectory batch(const std::string& name) {
    const std::vector<std::vector<ManifestRow>> shards(3);
    auto written = ShardDirectory::write(directory_ / name,
                                         {.manifest = "/data/m.csv",
                                          .url = "https://bank.example",
                                          .state_dir = "/state",
                                          .shards = 3},
                                         shards);
    if (!written) throw std::runtime_error(written.error().message);
    return *std::move(written);
  }

  test::TempDir directory_;
};

TEST_F(JobScript, HasArrayRequeueAndSignal) {
  const std::string script = job_script(batch("b"), {.sluice = "/opt/sluice",
                                                     .working_directory = "/home/me",
                                                     .arguments = {"--limit-rate", "100"},
                                                     .sbatch = {"--time=2:00:00", "--array=1-3%2"},
                                                     .memory_mib = 600});
  for (const char* line :
       {"#!/bin/bash\n", "#SBATCH --array=1-3\n", "#SBATCH --requeue\n",
        "#SBATCH --signal=B:TERM@120\n", "#SBATCH --mem=600M\n", "#SBATCH --open-mode=append\n",
        "sluice=/opt/sluice\n", "cd -- /home/me || exit\n", "unset SLUICE_TOKEN",
        "await \"$sluice\" run --limit-rate 100 \"$batch/shard-$shard.jsonl\"\n"})
    EXPECT_THAT(script, HasSubstr(line));
  // sbatch uses the last of two directives.
  EXPECT_LT(script.find("--array=1-3\n"), script.find("#SBATCH --array=1-3%2\n"));
  EXPECT_LT(script.find("#SBATCH --time"), script.find("\nsluice="));
}

/// Patterns of Slurm, quotes, and special characters of the shell.
TEST_F(JobScript, QuotesPaths) {
  const ShardDirectory directory = batch("it's $(touch x) %a \"q\" \\");
  const JobScriptSetting setting{.sluice = "/opt/a b/sluice",
                                 .working_directory = "/tmp",
                                 .arguments = {"--url", "http://x/'$(touch y)"},
                                 .sbatch = {}};
  const std::string script = job_script(directory, setting);
  EXPECT_THAT(script, HasSubstr("%%a \\\"q\\\" \\\\/shard-%a.log\"\n"));
  EXPECT_THAT(script, HasSubstr("sluice='/opt/a b/sluice'\n"));
  EXPECT_THAT(script, HasSubstr(" --url 'http://x/'\\''$(touch y)' "));
  for (const std::string& text : {script, report_script(directory, setting)}) {
    test::write_file(directory_ / "script", text);
    EXPECT_EQ(std::system(("bash -n " + std::string(directory_ / "script")).c_str()), 0) << text;
  }
}

TEST_F(JobScript, ReportOmitsOptionsOfTheArray) {
  const std::string script = report_script(
      batch("b"), {.sluice = "/opt/sluice",
                   .working_directory = "/",
                   .arguments = {},
                   .sbatch = {"--time=2:00:00", "-p short", "--array=1-3%2", "--signal=B:USR1@60",
                              "-c 4", "--mem=4G", "-a1-2", "--arr=1-2", "-H", "-J foo"}});
  EXPECT_THAT(script, HasSubstr("#SBATCH --time=2:00:00\n#SBATCH -p short\n\n"));
  EXPECT_THAT(script, HasSubstr("exec /opt/sluice batch --report "));
  EXPECT_THAT(script, Not(HasSubstr("--signal")));
}

TEST_F(JobScript, RejectsLineBreakInPath) {
  EXPECT_TRUE(check_script_path("/a b"));
  EXPECT_EQ(check_script_path("/a\nb").error().kind, ErrorKind::usage);
}

TEST_F(JobScript, RejectsDirectoryOfAnotherBatch) {
  batch("b");
  batch("b");  // the same batch
  const std::vector<std::vector<ManifestRow>> shards(2);
  const auto other = ShardDirectory::write(directory_ / "b",
                                           {.manifest = "/data/m.csv",
                                            .url = "https://bank.example",
                                            .state_dir = "/state",
                                            .shards = 2},
                                           shards);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::usage);
  EXPECT_THAT(other.error().message, HasSubstr("has another batch"));

  EXPECT_EQ(ShardDirectory::read(directory_ / "b")->facts().state_dir, "/state");
  EXPECT_THAT(ShardDirectory::read(directory_.path()).error().message,
              HasSubstr("is not the directory of a batch"));
  test::write_file(directory_ / "b/batch.json", "[]");
  EXPECT_THAT(ShardDirectory::read(directory_ / "b").error().message, HasSubstr("lacks url"));
}

}  // namespace
}  // namespace sluice::cli::job_script_test
