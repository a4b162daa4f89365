// Many small files over tus, with and without creation-with-upload.
#include <fmt/format.h>

#include <csignal>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::small_files_test {
namespace {

class SmallFiles : public testing::Test {
 protected:
  static constexpr int count = 20;

  SmallFiles() {
    for (int i = 0; i < count; ++i) {
      names_.push_back(fmt::format("file{:02}", i));
      test::write_file(directory_ / names_.back(),
                       test::random_bytes(static_cast<std::size_t>(1 + i * i * 300),
                                          static_cast<std::uint64_t>(1 + i)));
    }
  }

  static Arguments tus(const std::string& extensions, const Arguments& more = {}) {
    Arguments arguments{"--protocols", "tus", "--tus-extensions", extensions};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  Arguments arguments(const Arguments& more = {}) {
    Arguments all{"--json", "--retries", "10", "--state-dir", state_.path()};
    all.insert(all.end(), more.begin(), more.end());
    all.emplace_back(dataset);
    for (const std::string& name : names_) all.push_back(directory_ / name);
    return all;
  }
  void put_all(const Bank& bank, const Arguments& more = {}) {
    const test::Finished finished = put(bank.url(), arguments(more));
    EXPECT_EQ(finished.status, 0) << finished.err;
  }
  void expect_registered_once(const Bank& bank) {
    EXPECT_EQ(bank.registered().size(), names_.size());
    for (const std::string& name : names_)
      EXPECT_TRUE(test::same_content(directory_ / name, bank.deposited(name))) << name;
  }
  /// Stops databankd, and returns its whole log.
  static std::string log_of(Bank& bank) {
    bank.process().signal(SIGTERM);
    EXPECT_EQ(bank.process().wait(), 0);
    return bank.process().out();
  }
  /// Returns the number of requests of that step in a log.
  static int requests(const std::string& log, const std::string& step) {
    const std::string mark = fmt::format("\" {} \"", step);
    int found = 0;
    for (std::size_t at = log.find(mark); at != std::string::npos; at = log.find(mark, at + 1))
      ++found;
    return found;
  }

  test::TempDir directory_;
  test::TempDir state_;
  std::vector<std::string> names_;
};

TEST_F(SmallFiles, SaveOneRequestWithCreationWithUpload) {
  Bank plain(tus("creation,termination"));
  put_all(plain);
  expect_registered_once(plain);
  const std::string all = log_of(plain);
  EXPECT_EQ(requests(all, "create"), count);
  EXPECT_EQ(requests(all, "patch"), count);
  EXPECT_EQ(requests(all, "register"), count);

  Bank with(tus("creation,creation-with-upload,termination"));
  put_all(with);
  expect_registered_once(with);
  const std::string less = log_of(with);
  EXPECT_EQ(requests(less, "create-with-upload"), count);
  EXPECT_EQ(requests(less, "create"), 0);
  EXPECT_EQ(requests(less, "patch"), 0);
  EXPECT_EQ(requests(less, "head"), 0);
  EXPECT_EQ(requests(less, "register"), count);
}

TEST_F(SmallFiles, UsePatchIfChunksHaveChecksums) {
  Bank bank(tus("creation,creation-with-upload,checksum"));
  put_all(bank);
  expect_registered_once(bank);
  const std::string log = log_of(bank);
  EXPECT_EQ(requests(log, "create-with-upload"), 0);
  EXPECT_EQ(requests(log, "patch"), count);
}

TEST_F(SmallFiles, ArriveIfServerRefusesBytesInCreation) {
  Bank bank(tus("creation,creation-with-upload", {"--fault", "status:415,on=create-with-upload"}));
  put_all(bank, {"--transfers", "1"});
  expect_registered_once(bank);
  const std::string log = log_of(bank);
  EXPECT_EQ(requests(log, "create-with-upload"), 1);
  EXPECT_EQ(requests(log, "create"), count);
  EXPECT_EQ(requests(log, "patch"), count);
}

TEST_F(SmallFiles, ArriveDespiteLostResponsesAndBytes) {
  Bank bank(tus("creation,creation-with-upload",
                {"--fault", "short-append,every=3,on=create-with-upload", "--fault",
                 "lose-response,every=4,on=create-with-upload", "--fault",
                 "partial-append,every=5,on=create-with-upload", "--fault",
                 "stuck,at=9,on=create-with-upload"}));
  put_all(bank);
  expect_registered_once(bank);
}

/// The bytes received by the server are in an upload that no client knows.
TEST_F(SmallFiles, AreResentAfterClientWasKilled) {
  Bank bank(tus("creation,creation-with-upload", {"--fault", "stall,at=5,on=create-with-upload"}));
  test::Process process(put_options(bank.url(), arguments({"--transfers", "1"})));
  EXPECT_NE(bank.process().wait_for_line("fault stall"), "");
  process.signal(SIGKILL);
  process.wait();
  EXPECT_EQ(bank.registered().size(), 4U);
  put_all(bank);
  expect_registered_once(bank);
}

}  // namespace
}  // namespace sluice::e2e::small_files_test
