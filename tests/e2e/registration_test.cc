// A file is registered once, despite errors of front servers, and sluice reports its final name.
#include <fmt/format.h>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::registration_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Registration : public testing::Test {
 protected:
  Registration() { test::write_file(path_, test::random_bytes(10'000, 5)); }

  test::Finished put_it(const Bank& bank, const Arguments& more = {}) {
    Arguments arguments{"--state-dir", state_.path(), "--receipt", directory_.path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), {dataset, path_});
    return put(bank.url(), arguments);
  }
  static std::string status_of(const test::Finished& finished) {
    return report_of(finished).at("uploads").at(0).at("status");
  }

  test::TempDir directory_;
  test::TempDir state_;
  const std::string path_ = directory_ / "lost with space.bin";
};

/// The Data Bank registers the file, and a front server responds instead.
TEST_F(Registration, DoesNotRepeatAfterErrorOfFrontServer) {
  for (const char* protocol : {"tus", "binary"})
    for (const int status : {403, 429, 504}) {
      SCOPED_TRACE(fmt::format("{} {}", protocol, status));
      Bank bank({"--protocols", protocol, "--fault",
                 fmt::format("answer:{},at=1,on={}", status,
                             std::string(protocol) == "tus" ? "register" : "binary")});
      for (int run = 1; run <= 2; ++run) {
        const test::Finished finished = put_it(bank, {"--json", "--retries", "3"});
        EXPECT_EQ(finished.status, 1) << finished.err;
        EXPECT_EQ(status_of(finished), "unconfirmed") << run;
      }
      EXPECT_EQ(bank.registered().size(), 1U);
      // Over binary, the server has nothing that could be registered again.
      Arguments argv{sluice_binary, "status", "--state-dir", state_.path()};
      const std::string listed =
          run_sluice({.argv = argv, .env = {}, .stdin_text = {}, .directory = {}}).out;
      EXPECT_THAT(listed, HasSubstr("sluice forget --state-dir"));
      EXPECT_EQ(listed.find(" --register ") != std::string::npos, std::string(protocol) == "tus")
          << listed;
      std::filesystem::remove_all(state_.path());
    }
}

/// The Data Bank of 2018-08 changes the name, and the response to its verify is lost.
TEST_F(Registration, FindsLostVerifyUnderChangedName) {
  for (const bool another_run : {false, true}) {
    SCOPED_TRACE(another_run);
    Bank bank({"--protocols", "phased", "--rename", "--fault", "lose-response,at=1,on=verify"});
    if (another_run) {
      EXPECT_EQ(status_of(put_it(bank, {"--json", "--retries", "0"})), "unconfirmed");
    }
    const test::Finished found = put_it(bank, {"--json", "--retries", "3"});
    EXPECT_EQ(found.status, 0) << found.err;
    const json upload = report_of(found).at("uploads").at(0);
    EXPECT_EQ(upload.at("name"), "lost with space.bin");
    EXPECT_EQ(upload.at("registered_as"), "lost_with_space.bin");
    EXPECT_EQ(bank.registered().size(), 1U);

    const test::Finished again = put_it(bank);
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_THAT(again.out, HasSubstr("as 'lost_with_space.bin'"));
    EXPECT_EQ(bank.registered().size(), 1U);

    const std::string receipt = directory_ / "lost with space.bin.sluice.json";
    EXPECT_EQ(json::parse(test::read_file(receipt)).at("registered_as"), "lost_with_space.bin");
    EXPECT_EQ(run_sluice({.argv = {sluice_binary, "verify", receipt, path_},
                          .env = {},
                          .stdin_text = {},
                          .directory = {}})
                  .status,
              0);
    std::filesystem::remove(receipt);
  }
}

TEST_F(Registration, ReportsChangedName) {
  Bank bank({"--protocols", "phased", "--rename"});
  const test::Finished finished = put_it(bank);
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("'lost_with_space.bin'"));
  EXPECT_THAT(finished.out, HasSubstr("as 'lost_with_space.bin'\n"));
  EXPECT_THAT(finished.out, HasSubstr("'lost with space.bin'\n"));
}

/// That server's verify of an empty file fails, although the file is registered.
TEST_F(Registration, RegistersEmptyFileOnceIfVerifyFails) {
  test::write_file(path_, "");
  Bank bank({"--protocols", "phased", "--rename"});
  const test::Finished finished = put_it(bank, {"--retries", "3"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(bank.registered().size(), 1U);
}

}  // namespace
}  // namespace sluice::e2e::registration_test
