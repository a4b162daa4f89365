// What `sluice check` reports about the state directory and about other uploads into the dataset.
#include <fmt/format.h>

#include <csignal>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::check_test {
namespace {

using nlohmann::json;
using test::Fault;
using test::Phase;
using test::ScriptedServer;
using testing::HasSubstr;

class Check : public testing::Test {
 protected:
  Check() { test::write_file(path_, test::random_bytes(100'000, 6)); }

  test::Finished check(const std::string& url, const Arguments& more,
                       Environment environment = {}) {
    environment.emplace("SLUICE_TOKEN", token);
    Arguments argv{sluice_binary, "check", "--url", url};
    argv.insert(argv.end(), more.begin(), more.end());
    return run_sluice({.argv = argv, .env = environment, .stdin_text = {}, .directory = {}});
  }
  json checked(const std::string& url, const std::string& state, int status = 0) {
    const auto finished = check(url, {"--json", "--state-dir", state, dataset});
    EXPECT_EQ(finished.status, status) << finished.err;
    return json::parse(finished.out);
  }

  test::TempDir directory_;
  const std::string path_ = directory_ / "scan.h5";
  const std::string state_ = directory_ / "some/state";
};

TEST_F(Check, DoesNotCreateStateDirectory) {
  ScriptedServer server;
  const json state = checked(server.url(), state_).at("state");
  EXPECT_EQ(state.at("directory"), state_);
  EXPECT_EQ(state.at("usable"), true);
  EXPECT_EQ(state.at("journal"), false);
  EXPECT_EQ(state.at("uploading"), nullptr);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "some"));

  ASSERT_EQ(put(server.url(), {"--state-dir", state_, dataset, path_}).status, 0);
  EXPECT_EQ(checked(server.url(), state_).at("state").at("journal"), true);
}

TEST_F(Check, WarnsAboutUnusableStateDirectoryLikePut) {
  ScriptedServer server;
  const json found = checked(server.url(), path_);
  EXPECT_EQ(found.at("state").at("usable"), false);
  ASSERT_EQ(found.at("warnings").size(), 1U);
  EXPECT_THAT(found.at("warnings").at(0).get<std::string>(),
              testing::AllOf(HasSubstr(path_), HasSubstr("cannot be resumed")));
}

TEST_F(Check, FailsForUnusableJournalLikePut) {
  ScriptedServer server;
  std::filesystem::create_directories(state_);
  test::write_file(std::filesystem::path(state_) / "journal.sqlite", test::random_bytes(8192, 7));
  const auto refused = put(server.url(), {"--json", "--state-dir", state_, dataset, path_});
  const json found = checked(server.url(), state_, refused.status);
  EXPECT_EQ(found.at("error"), report_of(refused).at("uploads").at(0).at("error"));
  EXPECT_EQ(found.at("reachable"), true) << "the rest is looked at all the same";
}

TEST_F(Check, ReportsServerThatRefusesTokenAsReachable) {
  Bank bank({"--protocols", "tus"});
  const auto finished = check(bank.url(), {"--json", "--state-dir", state_, dataset},
                              {{"SLUICE_TOKEN", "another-token"}});
  EXPECT_EQ(finished.status, 3) << finished.err;
  const json found = json::parse(finished.out);
  EXPECT_EQ(found.at("reachable"), true);
  EXPECT_EQ(found.at("token"), "refused");
  EXPECT_EQ(found.at("server"), nullptr);
}

TEST_F(Check, RejectsMissingStateDirectory) {
  ScriptedServer server;
  const auto finished = check(server.url(), {dataset}, {{"XDG_STATE_HOME", ""}, {"HOME", ""}});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("--no-journal"));
}

TEST_F(Check, FailsWhileDatasetIsLocked) {
  ScriptedServer server({{.phase = Phase::transfer, .then = Fault::Then::hold}});
  test::Process process(put_options(server.url(), {"--state-dir", state_, dataset, path_}));
  ASSERT_TRUE(server.wait_for(Phase::transfer));
  const json found = checked(server.url(), state_, 1);
  EXPECT_EQ(found.at("state").at("uploading").at("name"), "scan.h5");
  EXPECT_EQ(found.at("state").at("uploading").at("process"), process.pid());
  EXPECT_THAT(found.at("error").at("message").get<std::string>(),
              HasSubstr("wait until that upload ends"));
  process.signal(SIGKILL);
  process.wait();
  EXPECT_EQ(checked(server.url(), state_).at("state").at("uploading"), nullptr);
}

TEST_F(Check, AllowsConcurrentUploadsOverTus) {
  Bank bank({"--protocols", "tus", "--fault", "stall,at=1,on=patch"});
  test::Process process(put_options(bank.url(), {"--state-dir", state_, dataset, path_}));
  bank.process().wait_for_line("fault stall");
  const auto finished = check(bank.url(), {"--state-dir", state_, dataset});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr(fmt::format("'scan.h5' is being uploaded into dataset {} by "
                                                  "process {}",
                                                  dataset, process.pid())));
  process.signal(SIGKILL);
  process.wait();
}

}  // namespace
}  // namespace sluice::e2e::check_test
