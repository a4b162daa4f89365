// Responses of a front server instead of the Data Bank's, and behaviour of only some Data Banks:
// over tus, with databankd.
#include <fmt/format.h>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::front_server_test {
namespace {

using testing::HasSubstr;

class FrontServer : public testing::Test {
 protected:
  FrontServer() { test::write_file(path_, test::random_bytes(21'000'001, 5)); }

  test::Finished upload(const Bank& bank, const Arguments& more) {
    Arguments all{"--json", "--block", "64K", "--pool", "4M", "--state-dir", state_.path()};
    all.insert(all.end(), more.begin(), more.end());
    all.insert(all.end(), {dataset, path_});
    return put(bank.url(), all);
  }
  void expect_registered(const test::Finished& finished, Bank& bank) {
    ASSERT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
    EXPECT_EQ(bank.registered().size(), 1U);
  }
  static std::uint64_t resumed_from(const test::Finished& finished) {
    return report_of(finished).at("uploads").at(0).at("resumed_from").get<std::uint64_t>();
  }
  /// Returns the number of requests of that step in databankd's log.
  static std::size_t count(Bank& bank, const std::string& step) {
    const std::string log = bank.process().out();
    std::size_t times = 0;
    for (std::size_t at = 0; (at = log.find(' ' + step + ' ', at)) != std::string::npos; ++at)
      ++times;
    return times;
  }

  test::TempDir directory_;
  test::TempDir state_;
  const std::string path_ = directory_ / "scan.h5";
};

TEST_F(FrontServer, KeepsUploadDuringTemporaryNotFound) {
  Bank bank({"--protocols", "tus", "--fault", "front:404:1500ms,at=3,on=patch"});
  const auto finished = upload(bank, {"--chunk", "5M", "--retries", "10"});
  expect_registered(finished, bank);
  EXPECT_EQ(count(bank, "create"), 1U);
  EXPECT_EQ(report_of(finished).at("uploads").at(0).at("chunks"), 5);
}

TEST_F(FrontServer, RetriesNotFoundAtStart) {
  Bank bank({"--protocols", "tus", "--fault", "front:404:1500ms,at=1,on=any"});
  expect_registered(upload(bank, {"--retries", "10"}), bank);
}

TEST_F(FrontServer, KeepsJournalEntryAfterNotFound) {
  Bank bank({"--protocols", "tus", "--fault", "reset-mid-body,at=3,on=patch", "--fault",
             "front:404:1500ms,at=1,on=head"});
  ASSERT_EQ(upload(bank, {"--chunk", "5M"}).status, 7);
  const auto meanwhile = upload(bank, {"--chunk", "5M"});
  EXPECT_EQ(meanwhile.status, 7) << meanwhile.err;
  EXPECT_TRUE(report_of(meanwhile).at("uploads").at(0).at("resumable").get<bool>());
  const auto finished = upload(bank, {"--chunk", "5M", "--retries", "10"});
  expect_registered(finished, bank);
  EXPECT_GE(resumed_from(finished), 10U << 20);
  EXPECT_EQ(count(bank, "create"), 1U);
}

/// With more lanes than the Data Bank's S3 storage could join.
TEST_F(FrontServer, MakesPartsLargeEnoughForStorage) {
  Bank bank({"--protocols", "tus", "--part-min", "5M"});
  const auto finished = upload(bank, {"--lanes", "16", "--verbose"});
  expect_registered(finished, bank);
  EXPECT_THAT(finished.err, HasSubstr("fewer than 16 parallel parts"));
  EXPECT_EQ(count(bank, "create"), 4U);
  EXPECT_EQ(count(bank, "join"), 1U);
}

TEST_F(FrontServer, RegistersEmptyFileAtLazyServer) {
  test::write_file(path_, "");
  Bank bank({"--protocols", "tus", "--lazy-uploads"});
  expect_registered(upload(bank, {}), bank);
}

TEST_F(FrontServer, RejectsTwoLocations) {
  Bank bank({"--protocols", "tus", "--fault", "two-locations,at=1,on=create"});
  const auto finished = upload(bank, {});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("several Location headers"));
  EXPECT_EQ(count(bank, "patch"), 0U);
}

}  // namespace
}  // namespace sluice::e2e::front_server_test
