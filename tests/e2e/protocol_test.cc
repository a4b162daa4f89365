// Detection of the protocol, concurrency by protocol, and `sluice check`.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::protocol_test {
namespace {

using nlohmann::json;
using test::Fault;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;

class Protocol : public testing::Test {
 protected:
  Protocol() { test::write_file(path_, test::random_bytes(300'000, 1)); }

  json upload_over(Bank& bank, const Arguments& more, const std::string& name) {
    Arguments all{"--json", "--state-dir", state_.path(), "--name", name};
    all.insert(all.end(), more.begin(), more.end());
    all.insert(all.end(), {dataset, path_});
    const test::Finished finished = put(bank.url(), all);
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(test::same_content(path_, bank.deposited(name)));
    const json report = report_of(finished);
    return report.is_object() ? report.at("uploads").at(0) : json();
  }
  Arguments files(int count) {
    Arguments names;
    for (int i = 0; i < count; ++i) {
      names.push_back(directory_ / fmt::format("file{:03}", i));
      test::write_file(names.back(), fmt::format("content {}", i));
    }
    return names;
  }
  test::Finished check(const std::string& url, const Arguments& more,
                       const Environment& environment = {{"SLUICE_TOKEN", token}}) {
    test::Process::Options options;
    options.argv = {sluice_binary, "check", "--url", url, "--state-dir", state_.path()};
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    options.env = environment;
    return run_sluice(options);
  }

  test::TempDir directory_;
  test::TempDir state_;
  const std::string path_ = directory_ / "scan.h5";
};

TEST_F(Protocol, IsDetectedFromServer) {
  for (const auto& [speaks, expected] : {std::pair("phased,tus,binary", "tus"),
                                         {"phased", "phased"},
                                         {"tus,binary", "tus"},
                                         {"binary", "binary"},
                                         {"phased,binary", "phased"}}) {
    SCOPED_TRACE(speaks);
    Bank bank({"--protocols", speaks});
    EXPECT_EQ(upload_over(bank, {}, "scan.h5").at("protocol"), expected);
  }
}

TEST_F(Protocol, IsRememberedForADay) {
  Bank bank({"--protocols", "phased,tus,binary"});
  upload_over(bank, {}, "one");
  upload_over(bank, {}, "two");
  const std::string log = bank.process().out();
  const std::size_t first = log.find("OPTIONS");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("OPTIONS", first + 1), std::string::npos) << log;
}

TEST_F(Protocol, IsDetectedAgainAfterServerChanged) {
  ScriptedServer server;
  EXPECT_EQ(put(server.url(), {"--state-dir", state_.path(), dataset, path_}).status, 0);
  const Arguments arguments{"--state-dir", state_.path(), "--name", "other", dataset, path_};
  server.set_faults(
      {{.phase = Phase::ask, .occurrence = -1, .answer = http_answer(500, "invalid request")}});
  EXPECT_EQ(put(server.url(), arguments).status, 0);
  EXPECT_EQ(server.count(Phase::whole), 1) << "binary by now";
}

/// The response to the token check does not reveal it.
TEST_F(Protocol, IsDetectedAgainIfServerLostTus) {
  ScriptedServer server({{.phase = Phase::options,
                          .occurrence = -1,
                          .answer = http_answer(204, "", "Tus-Version: 1.0.0\r\n")}});
  EXPECT_EQ(put(server.url(), {"--state-dir", state_.path(), dataset, path_}).status, 0);
  const Arguments arguments{"--state-dir", state_.path(), "--name", "other", dataset, path_};
  server.set_faults(
      {{.phase = Phase::create, .occurrence = -1, .answer = http_answer(404, "no such page")}});
  const test::Finished changed = put(server.url(), arguments);
  EXPECT_EQ(changed.status, 1);
  EXPECT_THAT(changed.err, HasSubstr("the server's protocol has changed to phased"));
  const int asked = server.count(Phase::options);
  EXPECT_EQ(put(server.url(), arguments).status, 0);
  EXPECT_EQ(server.count(Phase::options), asked) << "it was remembered";
}

TEST_F(Protocol, UsesRequestedProtocol) {
  Bank bank({"--protocols", "phased,tus,binary"});
  for (const char* protocol : {"phased", "tus", "binary"})
    EXPECT_EQ(upload_over(bank, {"--protocol", protocol}, protocol).at("protocol"), protocol);
}

TEST_F(Protocol, RejectsUnsupportedProtocolAndNamesSupportedOne) {
  Bank bank({"--protocols", "phased"});
  const test::Finished finished = put(bank.url(), {"--json", "--protocol", "tus", dataset, path_});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("does not speak tus, but phased"));
  EXPECT_EQ(report_of(finished).at("uploads").at(0).at("error").at("kind"), "failed");
  EXPECT_TRUE(bank.registered().empty());
}

TEST_F(Protocol, ReportsRefusedTokenBeforeSending) {
  for (const char* speaks : {"phased", "tus", "binary"}) {
    Bank bank({"--protocols", speaks});
    const test::Finished finished = put(bank.url(), {"--json", dataset, path_},
                                        {{"SLUICE_TOKEN", "another-token-than-the-good-one"}});
    EXPECT_EQ(finished.status, 3) << speaks << finished.err;
    EXPECT_THAT(finished.err, Not(HasSubstr("another-token-than")));
  }
}

/// The same result as without remembered facts.
TEST_F(Protocol, ChecksTokenAndDatasetAtRememberedServerBeforeSending) {
  for (const char* speaks : {"phased", "tus", "binary"}) {
    SCOPED_TRACE(speaks);
    Bank bank({"--protocols", speaks});
    upload_over(bank, {}, "one");
    const std::size_t before = bank.process().out().size();
    const Arguments rest{"--state-dir", state_.path(), "--name", "other"};
    const auto with = [&](const char* key, const char* secret) {
      Arguments arguments = rest;
      arguments.insert(arguments.end(), {key, path_});
      return put(bank.url(), arguments, {{"SLUICE_TOKEN", secret}});
    };
    EXPECT_EQ(with(dataset, "another-token-than-the-good-one").status, 3);
    EXPECT_EQ(with("TESTIDB-7654321", token).status, 4);
    const std::string log = bank.process().out().substr(before);
    for (const char* sends : {" setup ", " transfer ", " create ", " patch ", " binary "})
      EXPECT_THAT(log, Not(HasSubstr(sends)));
    EXPECT_THAT(log, Not(HasSubstr(" options "))) << "it is remembered";
  }
}

/// Some firewalls only pass known requests.
TEST_F(Protocol, WarnsIfFirewallBlocksTokenCheck) {
  Bank bank({"--protocols", "phased,tus", "--fault", "front:403:600s,on=ask"});
  const test::Finished finished = put(bank.url(), {"--state-dir", state_.path(), dataset, path_});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("without knowing whether the server accepts the token"));
}

TEST_F(Protocol, DryRunReportsNameAndToken) {
  for (const auto& [protocol, says] : {std::pair("phased", "the name is free"),
                                       {"tus", "the server accepts the token"},
                                       {"binary", "the server accepts the token"}}) {
    Bank bank({"--protocols", protocol});
    const test::Finished finished = put(bank.url(), {"--dry-run", dataset, path_});
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr(says));
    EXPECT_TRUE(bank.registered().empty());
  }
}

TEST_F(Protocol, ReportsParallelUploadsInOrder) {
  for (const char* protocol : {"tus", "binary"}) {
    SCOPED_TRACE(protocol);
    Bank bank({"--protocols", protocol});
    Arguments all{"--json", "--transfers", "3", dataset};
    const Arguments names = files(20);
    all.insert(all.end(), names.begin(), names.end());
    const test::Finished finished = put(bank.url(), all);
    EXPECT_EQ(finished.status, 0) << finished.err;
    const json uploads = report_of(finished).at("uploads");
    ASSERT_EQ(uploads.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(uploads[i].at("file"), names[i]);
      EXPECT_EQ(uploads[i].at("status"), "registered");
      EXPECT_TRUE(
          test::same_content(names[i], bank.deposited(uploads[i].at("name").get<std::string>())));
    }
    EXPECT_EQ(bank.registered().size(), names.size());
  }
}

/// Only the user can find out whether the file is registered (protocol section 2).
TEST_F(Protocol, UserResolvesUnconfirmedRegistration) {
  Bank bank({"--protocols", "tus", "--fault", "lose-request,at=1,on=register"});
  const Arguments arguments{"--json", "--state-dir", state_.path(), dataset, path_};
  const test::Finished lost = put(bank.url(), arguments);
  EXPECT_EQ(lost.status, 1) << lost.err;
  EXPECT_EQ(report_of(lost).at("uploads").at(0).at("status"), "unconfirmed");

  const auto command = [&](Arguments words) {
    words.insert(words.begin(), sluice_binary);
    words.insert(words.end(), {"--state-dir", state_.path()});
    return run_sluice(
        {.argv = words, .env = {{"SLUICE_TOKEN", token}}, .stdin_text = {}, .directory = {}});
  };
  const std::string status = command({"status"}).out;
  EXPECT_THAT(status, HasSubstr("the registration is unconfirmed\n"));
  const std::string where = "--state-dir " + state_.path().string();
  EXPECT_THAT(status, HasSubstr(fmt::format("sluice resume {} --register {}", where, dataset)));
  EXPECT_THAT(status, HasSubstr(fmt::format("sluice forget {} --registered {}", where, dataset)));
  EXPECT_THAT(status, HasSubstr(fmt::format("{}/datasets/{}", bank.url(), dataset)));

  const test::Finished again = put(bank.url(), arguments);
  EXPECT_EQ(again.status, 1) << "it is not registered blindly";
  EXPECT_EQ(report_of(again).at("uploads").at(0).at("status"), "unconfirmed");
  for (const std::string& said : {lost.err, again.err})
    EXPECT_THAT(said, HasSubstr(fmt::format("sluice resume --register {} scan.h5", dataset)));
  EXPECT_TRUE(bank.registered().empty());

  const test::Finished registered = command({"resume", "--register", "--json"});
  EXPECT_EQ(registered.status, 0) << registered.err;
  EXPECT_EQ(report_of(registered).at("uploads").at(0).at("protocol"), "tus");
  EXPECT_EQ(bank.registered().size(), 1U);
  EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
}

/// Several files are missing on the dataset's page, others are registered.
TEST_F(Protocol, RegistersUnconfirmedFilesByName) {
  Bank bank({"--protocols", "tus", "--fault", "lose-request,at=1,on=register", "--fault",
             "lose-request,at=2,on=register", "--fault", "lose-request,at=3,on=register"});
  const Arguments paths = files(3);
  Arguments arguments{"--state-dir", state_.path(), dataset};
  arguments.insert(arguments.end(), paths.begin(), paths.end());
  ASSERT_EQ(put(bank.url(), arguments).status, 1);
  ASSERT_TRUE(bank.registered().empty());
  const auto name = [&](std::size_t i) {
    return std::filesystem::path(paths[i]).filename().string();
  };
  const auto resume = [&](const Arguments& names) {
    Arguments words{sluice_binary,     "resume", "--register",  "--retries",   "0",
                    "--register-wait", "0",      "--state-dir", state_.path(), dataset};
    words.insert(words.end(), names.begin(), names.end());
    return run_sluice(
        {.argv = words, .env = {{"SLUICE_TOKEN", token}}, .stdin_text = {}, .directory = {}});
  };
  const test::Finished wrong = resume({name(0), "no-such-name"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("no upload with an unconfirmed registration of 'no-such-name'"));
  EXPECT_EQ(resume({}).status, 2) << "which are missing there?";
  const test::Finished finished = resume({name(0), name(2)});
  EXPECT_EQ(finished.status, 0) << finished.err;
  std::set<std::string> registered;
  for (const json& line : bank.registered()) registered.insert(line.at("name"));
  EXPECT_EQ(registered, (std::set<std::string>{name(0), name(2)}));
}

/// A dataset has one staging area (protocol section 1.4).
TEST_F(Protocol, RunsPhasedUploadsOfDatasetSequentially) {
  ScriptedServer server({{.phase = Phase::verify, .occurrence = 0, .then = Fault::Then::hold}});
  Arguments all{"--transfers", "8", dataset};
  const Arguments names = files(3);
  all.insert(all.end(), names.begin(), names.end());
  test::Process process(put_options(server.url(), all));
  ASSERT_TRUE(server.wait_for(Phase::verify));
  EXPECT_EQ(server.count(Phase::setup), 1);
  server.release();
  EXPECT_EQ(process.wait(), 0) << process.err();
  EXPECT_EQ(server.registrations(), 3);
}

// --- sluice check

TEST_F(Protocol, CheckDescribesServer) {
  for (const auto& [speaks, protocol] :
       {std::pair("phased", "phased"), {"phased,tus", "tus"}, {"binary", "binary"}}) {
    SCOPED_TRACE(speaks);
    Bank bank({"--protocols", speaks});
    const test::Finished finished = check(bank.url(), {"--json", dataset});
    EXPECT_EQ(finished.status, 0) << finished.err;
    const json found = json::parse(finished.out);
    EXPECT_EQ(found.at("reachable"), true);
    EXPECT_EQ(found.at("token"), "taken");
    const json server = found.at("server");
    EXPECT_EQ(server.at("protocol"), protocol);
    EXPECT_EQ(server.at("extensions").empty(), protocol != std::string("tus"));
    EXPECT_TRUE(server.at("most_file_bytes").is_number_unsigned());
    EXPECT_LE(std::abs(server.at("clock_ahead_s").get<int>()), 60);
    EXPECT_EQ(found.at("warnings"), json::array());
    EXPECT_EQ(found.at("error"), nullptr);
    EXPECT_TRUE(bank.registered().empty());
    EXPECT_THAT(check(bank.url(), {dataset}).out, HasSubstr("accepted for dataset"));
  }
}

TEST_F(Protocol, CheckWithoutDatasetNeedsNoToken) {
  Bank bank({"--protocols", "phased"});
  const test::Finished finished = check(bank.url(), {}, {});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("give a DATASET and its token"));
}

TEST_F(Protocol, CheckReturnsExitCodeOfFirstProblem) {
  Bank bank({"--protocols", "phased,tus,binary"});
  const std::string wrong = "another-token-than-the-good-one";
  EXPECT_EQ(check(bank.url(), {dataset}, {{"SLUICE_TOKEN", wrong}}).status, 3);
  EXPECT_EQ(check(bank.url(), {"TESTIDB-7654321"}).status, 4);
  EXPECT_EQ(check("http://127.0.0.1:1", {dataset}).status, 7);
  EXPECT_EQ(check(bank.url(), {dataset}, {}).status, 2);
  EXPECT_EQ(check(bank.url(), {"--file", directory_ / "missing", dataset}).status, 6);
  const json refused =
      json::parse(check(bank.url(), {"--json", dataset}, {{"SLUICE_TOKEN", wrong}}).out);
  EXPECT_EQ(refused.at("token"), "refused");
  EXPECT_EQ(refused.at("error").at("kind"), "token_refused");
}

TEST_F(Protocol, CheckMeasuresDisk) {
  ScriptedServer server;
  const test::Finished finished = check(server.url(), {"--json", "--file", path_, dataset});
  EXPECT_EQ(finished.status, 0) << finished.err;
  const json disk = json::parse(finished.out).at("disk");
  EXPECT_EQ(disk.at("bytes"), 300'000);
  EXPECT_GT(disk.at("bytes_per_second").get<double>(), 0);
}

TEST_F(Protocol, CheckWarnsOfWrongClock) {
  ScriptedServer server({{.phase = Phase::ask,
                          .occurrence = -1,
                          .answer = http_answer(500, "missing paramter: filesize",
                                                "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")}});
  const test::Finished finished = check(server.url(), {dataset});
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.err, HasSubstr("clock"));
  EXPECT_THAT(finished.out, HasSubstr("behind"));
}

}  // namespace
}  // namespace sluice::e2e::protocol_test
