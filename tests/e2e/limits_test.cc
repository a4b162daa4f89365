// What sluice does under the limits of a shell (ulimit).
#include <fmt/format.h>

#include <map>
#include <regex>
#include <string>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::limits_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class UnderALimit : public testing::Test {
 protected:
  Arguments small_files(int count) const {
    Arguments files;
    for (int i = 0; i < count; ++i) {
      files.push_back(directory_ / fmt::format("file-{}", i));
      test::write_file(files.back(), "x");
    }
    return files;
  }
  /// The same, with `ulimit limit`.
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

TEST_F(UnderALimit, FewOpenFilesMeanFewerTransfersAndNoFailure) {
  Arguments arguments = small_files(80);
  arguments.insert(arguments.begin(), {"--transfers", "64", dataset});
  // Sanitizers need some for themselves.
  const int files = sanitized ? 120 : 30;
  const test::Finished finished =
      run_sluice(limited(put_options(bank_.url(), arguments), fmt::format("-n {}", files)));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("80 registered"));
  EXPECT_THAT(finished.err, HasSubstr(fmt::format("the limit of {} open files", files)));
}

TEST_F(UnderALimit, FewOpenFilesAreNoMatterWhereNoNumberOfTransfersWasAskedFor) {
  Arguments arguments = small_files(80);
  arguments.insert(arguments.begin(), dataset);
  const test::Finished finished = run_sluice(
      limited(put_options(bank_.url(), arguments), fmt::format("-n {}", sanitized ? 120 : 30)));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("80 registered"));
  EXPECT_THAT(finished.err, Not(HasSubstr("open files")));
}

/// The journal cannot grow any more, as on a full disk. A tus server cannot be asked what it has
/// registered, so a file that the journal does not know of would be registered by each run.
TEST_F(UnderALimit, WithoutRoomForTheJournalNoFileIsRegisteredTwice) {
  constexpr std::size_t files = 60;
  const test::TempDir state;
  Arguments arguments = small_files(files);
  arguments.insert(arguments.begin(), {"--retries", "1", "--state-dir", state.path(), dataset});
  const test::Finished full =
      run_sluice(limited(put_options(bank_.url(), arguments), "-f 256"));  // 128 KiB
  EXPECT_EQ(full.status, 1) << full.err;
  EXPECT_THAT(full.err, HasSubstr("before the journal is written"));
  EXPECT_THAT(full.err, HasSubstr("not started")) << "what stops one file would stop the next";
  const std::size_t warned = full.err.find("the upload continues");
  ASSERT_NE(warned, std::string::npos) << full.err;
  EXPECT_EQ(full.err.find("the upload continues", warned + 1), std::string::npos)
      << "once for all files";
  const std::size_t before = bank_.registered().size();
  EXPECT_GT(before, 0U);
  EXPECT_LT(before, files);

  const test::Finished again = run_sluice(put_options(bank_.url(), arguments));
  // Of files that were being registered when the journal was full, nobody knows the end.
  if (again.status != 0) {
    EXPECT_EQ(again.status, 1) << again.err;
    EXPECT_THAT(again.err, HasSubstr("look at http"));
  }
  std::map<std::string, int> times;
  for (const auto& line : bank_.registered()) ++times[line.at("name")];
  EXPECT_EQ(times.size(), files);
  for (const auto& [name, count] : times) EXPECT_EQ(count, 1) << name;
}

/// What stops some files in a row that is not particular to them would stop the others as well.
TEST(WithoutRoomAtTheServer, FewOfManyFilesAreTried) {
  for (const char* const step : {"create", "patch"}) {
    SCOPED_TRACE(step);
    Bank bank({"--protocols", "tus", "--fault",
               fmt::format("status:507:quota exceeded,every=1,on={}", step)});
    const test::TempDir directory;
    for (int i = 0; i < 40; ++i) test::write_file(directory / fmt::format("f{}", i), "x");
    const test::Finished finished = put(bank.url(), {"-r", dataset, directory.path()});
    EXPECT_EQ(finished.status, 1) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(" not started "));
    std::size_t tried = 0;
    for (std::size_t at = 0; (at = finished.err.find("has no room", at)) != std::string::npos; ++at)
      ++tried;
    EXPECT_GE(tried, 4U);
    EXPECT_LE(tried, 8U) << "4 in a row, and those that were under way";
  }
}

/// One large file that does not fit keeps no smaller ones back.
TEST(WithoutRoomAtTheServer, AFileThatDoesNotFitKeepsTheOthersNotBack) {
  Bank bank({"--protocols", "tus", "--fault", "status:507:quota exceeded,at=1,on=create"});
  const test::TempDir directory;
  for (int i = 0; i < 12; ++i) test::write_file(directory / fmt::format("f{}", i), "x");
  const test::Finished finished = put(bank.url(), {"-r", dataset, directory.path()});
  EXPECT_EQ(finished.status, 1) << finished.err;
  EXPECT_EQ(bank.registered().size(), 11U);
}

TEST_F(UnderALimit, TheSoftLimitOnOpenFilesIsRaised) {
  Arguments arguments = small_files(40);
  arguments.insert(arguments.begin(), {"--transfers", "40", dataset});
  const test::Finished finished =
      run_sluice(limited(put_options(bank_.url(), arguments), "-S -n 40 && ulimit -H -n 1000"));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, Not(HasSubstr("open files")));
}

TEST_F(UnderALimit, TooFewOpenFilesForOneTransferAreAnError) {
  if (sanitized) GTEST_SKIP() << "a sanitizer does not start with so few";
  const Arguments files = small_files(1);
  const test::Finished finished =
      run_sluice(limited(put_options(bank_.url(), {dataset, files[0]}), "-n 11"));
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("the limit of 11 open files"));
  EXPECT_TRUE(bank_.registered().empty());
}

/// How much is needed besides the pool is the business of many libraries, so that the advice is
/// what can be tested everywhere.
TEST_F(UnderALimit, LittleMemoryIsAnErrorThatSaysWhichPoolFits) {
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
