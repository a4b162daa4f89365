// Many files while the journal's disk or the server is full.
#include <fmt/format.h>

#include <map>
#include <string>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::no_room_test {
namespace {

using testing::HasSubstr;

class FullDisk : public testing::Test {
 protected:
  void write_files(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      test::write_file(directory_ / fmt::format("f{}", i), "x");
  }

  test::TempDir directory_;
};

/// The journal cannot grow, as on a full disk. A tus server cannot be asked whether a file is
/// registered, so without a journal entry each run would register the file again.
TEST_F(FullDisk, OfJournalRegistersNoFileTwice) {
  constexpr std::size_t files = 60;
  const test::TempDir state;
  write_files(files);
  Bank bank({"--protocols", "tus"});
  const test::Process::Options options = put_options(
      bank.url(),
      {"-r", "--retries", "1", "--state-dir", state.path(), dataset, directory_.path()});
  test::Process::Options small_files = options;
  small_files.argv.insert(small_files.argv.begin(),
                          {"/bin/sh", "-c", "ulimit -f 256 && exec \"$0\" \"$@\""});  // 128 KiB
  const test::Finished full = run_sluice(small_files);
  EXPECT_EQ(full.status, 1) << full.err;
  EXPECT_THAT(full.err, HasSubstr("before the journal is written"));
  EXPECT_THAT(full.err, HasSubstr("not started")) << "what stops one file would stop the next";
  const std::size_t warned = full.err.find("the upload continues");
  ASSERT_NE(warned, std::string::npos) << full.err;
  EXPECT_EQ(full.err.find("the upload continues", warned + 1), std::string::npos)
      << "once for all files";
  const std::size_t before = bank.registered().size();
  EXPECT_GT(before, 0U);
  EXPECT_LT(before, files);

  const test::Finished again = run_sluice(options);
  // The status of files that were being registered when the journal was full is unknown.
  if (again.status != 0) {
    EXPECT_EQ(again.status, 1) << again.err;
    EXPECT_THAT(again.err, HasSubstr("look at http"));
  }
  std::map<std::string, int> times;
  for (const auto& line : bank.registered()) ++times[line.at("name")];
  EXPECT_EQ(times.size(), files);
  for (const auto& [name, count] : times) EXPECT_EQ(count, 1) << name;
}

/// After several consecutive files fail with this error, the others are not tried.
TEST_F(FullDisk, OfServerEndsRunAfterFewFiles) {
  write_files(40);
  for (const char* const step : {"create", "patch"}) {
    SCOPED_TRACE(step);
    Bank bank({"--protocols", "tus", "--fault",
               fmt::format("status:507:quota exceeded,every=1,on={}", step)});
    const test::Finished finished = put(bank.url(), {"-r", dataset, directory_.path()});
    EXPECT_EQ(finished.status, 1) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(" not started "));
    std::size_t tried = 0;
    for (std::size_t at = 0; (at = finished.err.find("has no room", at)) != std::string::npos; ++at)
      ++tried;
    EXPECT_GE(tried, 4U);
    EXPECT_LE(tried, 8U) << "4 consecutive files, and the files in flight";
  }
}

TEST_F(FullDisk, ForOneFileDoesNotAffectOthers) {
  Bank bank({"--protocols", "tus", "--fault", "status:507:quota exceeded,at=1,on=create"});
  write_files(12);
  const test::Finished finished = put(bank.url(), {"-r", dataset, directory_.path()});
  EXPECT_EQ(finished.status, 1) << finished.err;
  EXPECT_EQ(bank.registered().size(), 11U);
}

}  // namespace
}  // namespace sluice::e2e::no_room_test
