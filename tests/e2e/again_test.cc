// Repeated runs of the same command with many files, and their output.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::again_test {
namespace {

using nlohmann::json;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class RepeatedRun : public testing::Test {
 protected:
  /// f000, f001, ...
  Arguments files(int count) {
    Arguments names;
    for (int i = 0; i < count; ++i) {
      names.push_back(directory_ / fmt::format("f{:03}", i));
      test::write_file(names.back(), fmt::format("content {}", i));
    }
    return names;
  }
  test::Finished put_files(const std::string& url, const Arguments& names,
                           const Arguments& more = {}) {
    Arguments all{"--state-dir", state_.path()};
    all.insert(all.end(), more.begin(), more.end());
    all.push_back(dataset);
    all.insert(all.end(), names.begin(), names.end());
    return put(url, all);
  }
  static long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

  test::TempDir directory_;
  test::TempDir state_;
};

/// The setup of the first file would delete the server's data of the last one, and is refused.
TEST_F(RepeatedRun, UploadsUnfinishedFilesFirstOverPhased) {
  Bank bank({"--protocols", "phased", "--fault", "status:503,at=3,on=transfer"});
  const Arguments names = files(3);
  test::write_random_file(names[2], 300'000, 1);
  const test::Finished broken =
      put_files(bank.url(), {names[2]}, {"--chunk", "100K", "--lookahead", "0", "--retries", "0"});
  EXPECT_EQ(broken.status, 7) << broken.err;
  const test::Finished again = put_files(bank.url(), names, {"--json"});
  EXPECT_EQ(again.status, 0) << again.err;
  const json uploads = report_of(again).at("uploads");
  EXPECT_EQ(uploads[2].at("resumed_from"), 204'800);
  EXPECT_EQ(uploads[0].at("name"), "f000") << "the report is in the order of the command";
  EXPECT_EQ(bank.registered().size(), 3U);
}

TEST_F(RepeatedRun, SkipsRegisteredFilesOverEachProtocol) {
  for (const char* protocol : {"phased", "tus", "binary"}) {
    SCOPED_TRACE(protocol);
    Bank bank({"--protocols", protocol});
    Arguments names = files(3);
    const std::string missing = names.back();
    names.pop_back();
    EXPECT_EQ(put_files(bank.url(), names).status, 0);
    names.push_back(missing);
    const test::Finished again = put_files(bank.url(), names, {"--json"});
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(bank.registered().size(), 3U);
    const json uploads = report_of(again).at("uploads");
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(uploads[i].at("status"), "registered");
      EXPECT_EQ(uploads[i].at("protocol"), protocol);
      EXPECT_EQ(uploads[i].at("xxh128"), xxh128_of_file(names[i]));
      EXPECT_EQ(uploads[i].contains("registered_before"), i < 2);
    }
    const test::Finished said = put_files(bank.url(), names);
    EXPECT_EQ(said.status, 0) << said.err;
    EXPECT_EQ(said.err, "");
    EXPECT_THAT(said.out, HasSubstr("already registered in dataset"));
    EXPECT_THAT(said.out, EndsWith("\n3 already registered\n"));
    EXPECT_EQ(lines(said.out), 4);
    EXPECT_EQ(put_files(bank.url(), names, {"--quiet"}).out, "");
    EXPECT_EQ(bank.registered().size(), 3U);
    const test::Finished compared = put_files(bank.url(), names, {"--verify-prefix"});
    EXPECT_EQ(compared.status, 5) << compared.out;
    EXPECT_THAT(compared.err, HasSubstr("leave out --verify-prefix"));
    EXPECT_EQ(bank.registered().size(), 3U);
    // Another file under that name is an error, as before.
    test::write_file(names[0], "something else");
    const test::Finished changed = put_files(bank.url(), names);
    EXPECT_EQ(changed.status, 5) << changed.out;
    EXPECT_THAT(changed.err, EndsWith("sluice: 2 already registered, 1 failed (f000)\n"));
    EXPECT_EQ(bank.registered().size(), 3U);
  }
}

/// Touched by a program that sets times, or by a network file system that rounds them.
TEST_F(RepeatedRun, ComparesTouchedFilesWithoutSendingThem) {
  for (const char* protocol : {"tus", "binary"}) {
    SCOPED_TRACE(protocol);
    Bank bank({"--protocols", protocol});
    const Arguments names = files(2);
    EXPECT_EQ(put_files(bank.url(), names).status, 0);
    const auto touch = [&](const std::string& name, timespec time) {
      const timespec times[2] = {time, time};
      ASSERT_EQ(::utimensat(AT_FDCWD, name.c_str(), times, 0), 0);
    };
    touch(names[0], {1'700'000'000, 5});
    const test::Finished again = put_files(bank.url(), names, {"--json"});
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_THAT(again.err, HasSubstr("compare it with the receipt"));
    const json uploads = report_of(again).at("uploads");
    EXPECT_EQ(uploads[0].at("xxh128"), xxh128_of_file(names[0]));
    EXPECT_TRUE(uploads[0].contains("registered_before"));
    // Only once: the journal has the new time.
    const test::Finished third = put_files(bank.url(), names);
    EXPECT_EQ(third.status, 0) << third.err;
    EXPECT_EQ(third.err, "");
    // The same size and inode, but other bytes.
    test::write_file(names[0], std::string(std::filesystem::file_size(names[0]), '!'));
    touch(names[0], {1'700'000'002, 0});
    const test::Finished changed = put_files(bank.url(), names);
    EXPECT_EQ(changed.status, 5);
    EXPECT_THAT(changed.err, HasSubstr("that file has changed since"));
    EXPECT_EQ(bank.registered().size(), 2U);
  }
}

/// A phased server is asked, because the file may have been deleted there.
TEST_F(RepeatedRun, SendsFilesThatWereDeletedFromPhasedServer) {
  const Arguments names = files(1);
  ScriptedServer first;
  EXPECT_EQ(put_files(first.url(), names).status, 0);
  first.set_faults({{.phase = Phase::ask, .occurrence = 0, .answer = http_answer(503, "")}});
  EXPECT_EQ(put_files(first.url(), names).status, 7) << "the journal alone was asked";
}

TEST_F(RepeatedRun, WritesMissingReceiptFromJournal) {
  const Arguments names = files(1);
  Bank bank({"--protocols", "tus"});
  const std::string sums = directory_ / "sums", receipt = directory_ / "f000.sluice.json";
  const Arguments asked{"--digest", "md5", "--receipt", directory_.path(), "--sums", sums};
  EXPECT_EQ(put_files(bank.url(), names, asked).status, 0);
  const std::string first = test::read_file(receipt), listed = test::read_file(sums);
  EXPECT_EQ(put_files(bank.url(), names, asked).status, 0);
  EXPECT_EQ(test::read_file(sums), listed) << "not a second time";
  std::filesystem::remove(receipt);
  std::filesystem::remove(sums);
  EXPECT_EQ(put_files(bank.url(), names, asked).status, 0);
  EXPECT_EQ(test::read_file(receipt), first);
  EXPECT_EQ(test::read_file(sums), listed);
}

TEST_F(RepeatedRun, PrintsLinePerFileAndSummary) {
  const Arguments names = files(4);
  Bank bank({"--protocols", "tus"});
  const test::Finished all = put_files(bank.url(), {names.begin(), names.begin() + 3});
  EXPECT_EQ(all.status, 0) << all.err;
  EXPECT_EQ(lines(all.out), 4) << all.out;
  EXPECT_THAT(all.out, HasSubstr(xxh128_of_file(names[0])));
  EXPECT_THAT(all.out, EndsWith("\n3 registered\n"));
  EXPECT_EQ(all.err, "");
  EXPECT_EQ(put_files(bank.url(), {names[0], names[1]}, {"--quiet", "--restart"}).out, "");
  const test::Finished alone = put_files(bank.url(), {names[3]});
  EXPECT_THAT(alone.out, HasSubstr("bottleneck"));
  EXPECT_THAT(alone.out, Not(HasSubstr("1 registered")));
  EXPECT_THAT(put_files(bank.url(), {names[0], names[1]}, {"--verbose", "--restart"}).out,
              HasSubstr("bottleneck"));
}

TEST_F(RepeatedRun, NamesUnregisteredFilesInSummary) {
  const Arguments names = files(4);
  Bank bank({"--protocols", "tus", "--fault", "lose-response,at=2,on=register", "--fault",
             "status:422,at=3,on=create"});
  const test::Finished some = put_files(bank.url(), names, {"--transfers", "1"});
  EXPECT_EQ(some.status, 1);
  EXPECT_THAT(some.err, EndsWith("sluice: 2 registered, 1 unconfirmed (f001), 1 failed (f002)\n"));
  EXPECT_THAT(put_files(bank.url(), {names[0], names[1]}, {"--quiet"}).err,
              EndsWith("sluice: 1 already registered, 1 unconfirmed (f001)\n"));
  const test::Finished as_json = put_files(bank.url(), names, {"--json"});
  EXPECT_THAT(as_json.err, Not(HasSubstr("already registered")));
  report_of(as_json);
}

TEST_F(RepeatedRun, DryRunOfManyFilesRegistersNothing) {
  Bank bank;
  const test::Finished dry = put_files(bank.url(), files(3), {"--dry-run"});
  EXPECT_EQ(dry.status, 0) << dry.err;
  EXPECT_THAT(dry.out, HasSubstr("\n3 would be uploaded; "));
  // Information about all files is printed once.
  EXPECT_EQ(std::count(dry.out.begin(), dry.out.end(), '\n'), 5) << dry.out;
  EXPECT_THAT(dry.out, HasSubstr("as 'f001'\n"));
  EXPECT_THAT(dry.out,
              HasSubstr("\nthe server accepts the token, and the names are free\n3 would"));
}

}  // namespace
}  // namespace sluice::e2e::again_test
