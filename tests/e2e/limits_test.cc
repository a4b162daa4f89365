// sluice with limits of the shell (ulimit).
#include <fmt/format.h>

#include <regex>
#include <string>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::limits_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class ResourceLimits : public testing::Test {
 protected:
  Arguments small_files(int count) const {
    Arguments files;
    for (int i = 0; i < count; ++i) {
      files.push_back(directory_ / fmt::format("file-{}", i));
      test::write_file(files.back(), "x");
    }
    return files;
  }
  /// Adds `ulimit limit`.
  static test::Process::Options limited(const test::Process::Options& options,
                                        const std::string& limit) {
    test::Process::Options result = options;
    result.argv.insert(result.argv.begin(),
                       {"/bin/sh", "-c", "ulimit " + limit + " && exec \"$0\" \"$@\""});
    return result;
  }

  Bank bank_{{"--protocols", "tus"}};
  test::TempDir directory_;
};

TEST_F(ResourceLimits, RunsFewerTransfersWithFewOpenFiles) {
  Arguments arguments = small_files(80);
  arguments.insert(arguments.begin(), {"--transfers", "64", dataset});
  // Sanitizers need some files themselves.
  const int files = sanitized ? 120 : 30;
  const test::Finished finished =
      run_sluice(limited(put_options(bank_.url(), arguments), fmt::format("-n {}", files)));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("80 registered"));
  EXPECT_THAT(finished.err, HasSubstr(fmt::format("the limit of {} open files", files)));
}

TEST_F(ResourceLimits, DoesNotWarnAboutOpenFilesWithAutomaticTransfers) {
  Arguments arguments = small_files(80);
  arguments.insert(arguments.begin(), dataset);
  const test::Finished finished = run_sluice(
      limited(put_options(bank_.url(), arguments), fmt::format("-n {}", sanitized ? 120 : 30)));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("80 registered"));
  EXPECT_THAT(finished.err, Not(HasSubstr("open files")));
}

TEST_F(ResourceLimits, RaisesSoftLimitOnOpenFiles) {
  Arguments arguments = small_files(40);
  arguments.insert(arguments.begin(), {"--transfers", "40", dataset});
  const test::Finished finished =
      run_sluice(limited(put_options(bank_.url(), arguments), "-S -n 40 && ulimit -H -n 1000"));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, Not(HasSubstr("open files")));
}

TEST_F(ResourceLimits, FailsIfOpenFilesAreTooFewForOneTransfer) {
  if (sanitized) GTEST_SKIP() << "a sanitizer does not start with so few";
  const Arguments files = small_files(1);
  const test::Finished finished =
      run_sluice(limited(put_options(bank_.url(), {dataset, files[0]}), "-n 11"));
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("the limit of 11 open files"));
  EXPECT_TRUE(bank_.registered().empty());
}

/// The memory besides the pool depends on libraries, so the test checks that the advice works.
TEST_F(ResourceLimits, FailsWithLittleMemoryAndNamesFittingPool) {
  if (sanitized) GTEST_SKIP() << "sanitizers map terabytes";
  const Arguments files = small_files(1);
  const auto put_with = [&](const std::string& pool) {
    return run_sluice(
        limited(put_options(bank_.url(), {"--pool", pool, "--transfers", "1", dataset, files[0]}),
                "-v 200000"));
  };
  const test::Finished refused = put_with("1G");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("the limit (ulimit -v) is 195.31 MiB"));
  EXPECT_TRUE(bank_.registered().empty());
  std::smatch advice;
  ASSERT_TRUE(std::regex_search(refused.err, advice, std::regex("use --pool ([0-9]+M) or less")))
      << refused.err;
  const test::Finished finished = put_with(advice[1]);
  EXPECT_EQ(finished.status, 0) << finished.err;
}

}  // namespace
}  // namespace sluice::e2e::limits_test
