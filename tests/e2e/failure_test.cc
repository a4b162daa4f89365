// Each kind of failure: exit code, message, and that nothing is registered.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::failure_test {
namespace {

using nlohmann::json;
using test::Fault;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class Failure : public testing::Test {
 protected:
  Failure() { test::write_file(path_, test::random_bytes(100'000, 1)); }

  /// Makes the file so large that a limited rate takes half an hour: the upload cannot be over
  /// before the test does something to it, however slow this machine is.
  void lengthen_file() { std::filesystem::resize_file(path_, 100'000'000); }

  /// Expects a failure with that exit code, one line on stderr, and the same message in the report.
  void expect_failure(const std::string& url, int status, const std::string& kind,
                      const std::string& says, const Arguments& more = {}) {
    SCOPED_TRACE(says);
    Arguments arguments{"--json", "--chunk", "30000", dataset, path_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const test::Finished finished = put(url, arguments);
    EXPECT_EQ(finished.status, status) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(says));
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    const json report = report_of(finished);
    ASSERT_TRUE(report.is_object());
    const json upload = report.at("uploads").at(0);
    EXPECT_EQ(upload.at("status"), "failed");
    ASSERT_TRUE(upload.contains("error"));
    EXPECT_EQ(upload.at("error").at("kind"), kind);
    EXPECT_THAT(finished.err,
                EndsWith(" sluice: " + upload.at("error").at("message").get<std::string>() + "\n"));
    EXPECT_EQ(upload.at("xxh128"), "");
  }

  test::TempDir directory_;
  const std::string path_ = directory_ / "scan.h5";
};

TEST_F(Failure, Exit1ForInvalidResponses) {
  ScriptedServer server(
      {{.phase = Phase::setup, .answer = http_answer(200, "<title>Log in</title>")}});
  expect_failure(server.url(), 1, "failed", "HTML page 'Log in'");
  EXPECT_EQ(server.count(Phase::transfer), 0);
}

TEST_F(Failure, Exit3ForWrongToken) {
  Bank bank;
  const test::Finished finished =
      put(bank.url(), {"--json", dataset, path_}, {{"SLUICE_TOKEN", "wrong-token"}});
  EXPECT_EQ(finished.status, 3);
  EXPECT_EQ(report_of(finished).at("uploads").at(0).at("error").at("kind"), "token_refused");
  EXPECT_THAT(finished.err, Not(HasSubstr("wrong-token")));
  EXPECT_TRUE(bank.registered().empty());
}

TEST_F(Failure, Exit3ForExpiredToken) {
  Bank bank({"--token-lifetime", "0"});
  expect_failure(bank.url(), 3, "token_refused", "3 days");
}

TEST_F(Failure, Exit4ForUnknownOrPublishedDataset) {
  Bank bank({"--published", "TESTIDB-2"});
  for (const char* key : {"TESTIDB-2", "IDB-0"}) {
    const test::Finished finished = put(bank.url(), {"--json", key, path_});
    EXPECT_EQ(finished.status, 4) << finished.err;
    EXPECT_EQ(report_of(finished).at("uploads").at(0).at("error").at("kind"), "no_such_dataset");
    EXPECT_THAT(finished.err, HasSubstr(key));
  }
}

TEST_F(Failure, Exit5ForTakenNameBeforeSending) {
  Bank bank;
  ASSERT_EQ(put(bank.url(), {dataset, path_}).status, 0);
  const auto transfers = [&] {
    const std::string log = bank.process().out();
    int count = 0;
    for (std::size_t at = 0; (at = log.find("transfer", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  const int before = transfers();
  EXPECT_GT(before, 0);
  test::write_file(path_, test::random_bytes(100'001, 2));  // the same file would be skipped as
                                                            // registered
  expect_failure(bank.url(), 5, "name_taken",
                 "cannot upload 'scan.h5' into dataset TESTIDB-1234567");
  EXPECT_EQ(transfers(), before);
  EXPECT_EQ(bank.registered().size(), 1U);
}

TEST_F(Failure, Exit6ForFileThatChangesDuringUpload) {
  for (const Phase phase : {Phase::transfer, Phase::probe}) {
    test::write_file(path_, test::random_bytes(100'000, 1));
    ScriptedServer server({{.phase = phase,
                            .before = [this] { std::filesystem::resize_file(path_, 50'000); },
                            .carried_out = true}});
    // The pool is too small to read the whole file before the change.
    expect_failure(server.url(), 6, "local_file", path_,
                   {"--pool", "8K", "--block", "4K", "--read", "mmap"});
    EXPECT_EQ(server.count(Phase::verify), 0);
  }
}

TEST_F(Failure, Exit6ForUnreadableFiles) {
  ScriptedServer server;
  const auto refused = [&](const std::string& path, const std::string& says) {
    SCOPED_TRACE(path);
    const test::Finished finished = put(server.url(), {"--json", dataset, path});
    EXPECT_EQ(finished.status, 6) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(path));
    EXPECT_THAT(finished.err, HasSubstr(says));
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_EQ(report_of(finished).at("uploads").at(0).at("error").at("kind"), "local_file");
  };
  refused(directory_ / "missing", "No such file");
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  refused(directory_ / "fifo", "FIFO");
  refused("/dev/zero", "device");
  refused("/proc/self/mem", "Input/output error");
  refused(path_ + "/inside", "Not a directory");
  std::filesystem::create_symlink("loop", directory_ / "loop");
  refused(directory_ / "loop", "symbolic links");
  // One byte more than the Data Bank accepts.
  test::write_file(directory_ / "huge", "");
  std::filesystem::resize_file(directory_ / "huge", 2199023255553);
  refused(directory_ / "huge", "2199023255552");
  EXPECT_EQ(server.connections(), 0) << "a server was asked about a file that cannot go";

  std::filesystem::resize_file(directory_ / "huge", 2199023255552);
  EXPECT_EQ(put(server.url(), {"--dry-run", dataset, directory_ / "huge"}).status, 0);
}

/// Root can read everything, so drop that privilege.
TEST_F(Failure, Exit6ForFileWithoutPermission) {
  ScriptedServer server;
  ASSERT_EQ(::chmod(path_.c_str(), 0), 0);
  test::Process::Options options = put_options(server.url(), {dataset, path_});
  if (::geteuid() == 0)
    options.argv.insert(options.argv.begin(),
                        {"setpriv", "--bounding-set", "-dac_override,-dac_read_search",
                         "--inh-caps", "-dac_override,-dac_read_search"});
  const test::Finished finished = run_sluice(options);
  EXPECT_EQ(finished.status, 6) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr(path_ + ": Permission denied"));
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(Failure, Exit6ForRelativePathInDeletedDirectory) {
  ScriptedServer server;
  const std::string relative = "../" + std::filesystem::path(path_).filename().string();
  for (const std::string& token_file : {std::string(), std::string("../token")}) {
    const std::string gone = directory_ / "gone";
    std::filesystem::create_directory(gone);
    test::write_file(directory_ / "token", token);
    ASSERT_EQ(::chmod((directory_ / "token").c_str(), 0600), 0);
    Arguments more{dataset, relative};
    if (!token_file.empty()) more.insert(more.begin(), {"--token-file", token_file});
    test::Process::Options options = put_options(server.url(), more);
    options.argv.insert(options.argv.begin(),
                        {"/bin/sh", "-c", "rmdir \"$PWD\" && exec \"$0\" \"$@\""});
    options.directory = gone;
    const test::Finished finished = run_sluice(options);
    EXPECT_EQ(finished.status, token_file.empty() ? 6 : 2) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(token_file.empty() ? relative : token_file));
    EXPECT_THAT(finished.err, HasSubstr("the working directory was deleted"));
    EXPECT_EQ(server.count(Phase::setup), 0);
  }
}

TEST_F(Failure, Exit6ForBadFileButUploadsOthers) {
  ScriptedServer server;
  const test::Finished finished =
      put(server.url(), {"--json", dataset, directory_ / "missing", path_, "/dev/zero"});
  EXPECT_EQ(finished.status, 6);
  EXPECT_THAT(finished.err, HasSubstr((directory_ / "missing").string()));
  const json uploads = report_of(finished).at("uploads");
  ASSERT_EQ(uploads.size(), 3U);
  EXPECT_EQ(uploads[0].at("status"), "failed");
  EXPECT_EQ(uploads[1].at("status"), "registered");
  EXPECT_EQ(uploads[2].at("status"), "failed");
  EXPECT_EQ(server.count(Phase::verify), 1);
}

TEST_F(Failure, Exit6WithFailFastUploadsNothing) {
  ScriptedServer server;
  test::write_file(directory_ / "last", "last");
  const test::Finished finished = put(server.url(), {"--json", "--fail-fast", dataset, path_,
                                                     directory_ / "missing", directory_ / "last"});
  EXPECT_EQ(finished.status, 6);
  EXPECT_THAT(finished.err, HasSubstr("no file was uploaded"));
  const json uploads = report_of(finished).at("uploads");
  ASSERT_EQ(uploads.size(), 3U);
  EXPECT_EQ(uploads[0].at("status"), "skipped");
  EXPECT_EQ(uploads[1].at("status"), "failed");
  EXPECT_EQ(uploads[2].at("status"), "skipped");
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(Failure, FailFastCancelsUploadsInFlight) {
  // The second one's name is taken.
  Bank bank({"--protocols", "tus"});
  lengthen_file();
  test::write_file(directory_ / "taken", "mine");
  ASSERT_EQ(put(bank.url(), {dataset, directory_ / "taken"}).status, 0);
  std::filesystem::create_directory(directory_ / "other");
  test::write_file(directory_ / "other" / "taken", "theirs");
  const test::Finished finished =
      put(bank.url(), {"--json", "--fail-fast", "--transfers", "2", "--limit-rate", "50K", dataset,
                       path_, directory_ / "other" / "taken"});
  EXPECT_EQ(finished.status, 5) << finished.err;
  const json uploads = report_of(finished).at("uploads");
  EXPECT_EQ(uploads[0].at("status"), "interrupted");
  EXPECT_EQ(uploads[1].at("status"), "failed");
  EXPECT_EQ(bank.registered().size(), 1U);
}

TEST_F(Failure, Exit7IfConnectionIsRefused) {
  const std::string url = ScriptedServer().url();
  expect_failure(url, 7, "unreachable", url);
}

TEST_F(Failure, Exit7IfServerIsUnavailable) {
  ScriptedServer server(
      {{.phase = Phase::transfer, .occurrence = 1, .answer = http_answer(503, "later")}});
  expect_failure(server.url(), 7, "unreachable", "503, 'later'");
  EXPECT_EQ(server.count(Phase::verify), 0);
}

TEST_F(Failure, Exit7IfServerDoesNotRespond) {
  ScriptedServer server({{.phase = Phase::transfer, .then = Fault::Then::hold}});
  expect_failure(server.url(), 7, "unreachable", "no response for 1 s",
                 {"--response-timeout", "1"});
}

TEST_F(Failure, Exit7IfServerIsKilled) {
  Bank bank;
  lengthen_file();
  test::Process put(put_options(
      bank.url(), {"--json", "--chunk", "10000", "--limit-rate", "50K", dataset, path_}));
  ASSERT_NE(bank.process().wait_for_line("successfully added chunk"), "");
  bank.process().signal(SIGKILL);
  EXPECT_EQ(put.wait(), 7) << put.err();
  EXPECT_THAT(put.err(), HasSubstr(bank.url()));
  EXPECT_THAT(put.err(), HasSubstr("nothing was registered"));
  EXPECT_TRUE(bank.registered().empty());
}

TEST_F(Failure, Exit8IfServerLosesBytes) {
  ScriptedServer server(
      {{.phase = Phase::transfer, .occurrence = 3, .carried_out = true, .keeps = 1}});
  expect_failure(server.url(), 8, "integrity", "holds");
  EXPECT_EQ(server.count(Phase::verify), 0);
}

TEST_F(Failure, DoesNotTryOtherFilesIfServerIsUnreachable) {
  ScriptedServer server({{.phase = Phase::setup, .occurrence = 1, .answer = http_answer(502, "")}});
  Arguments files{"--json", dataset, path_};
  for (const char* name : {"second", "third"}) {
    test::write_file(directory_ / name, name);
    files.push_back(directory_ / name);
  }
  const test::Finished finished = put(server.url(), files);
  EXPECT_EQ(finished.status, 7);
  EXPECT_THAT(finished.err, HasSubstr("1 more file was not started"));
  const json uploads = report_of(finished).at("uploads");
  EXPECT_EQ(uploads[0].at("status"), "registered");
  EXPECT_EQ(uploads[1].at("status"), "failed");
  EXPECT_EQ(uploads[2].at("status"), "skipped");
}

TEST_F(Failure, UploadsNextFileAfterTakenName) {
  ScriptedServer server;
  server.add_file("scan.h5", "theirs");
  test::write_file(directory_ / "second", "mine");
  const test::Finished finished =
      put(server.url(), {"--json", dataset, path_, directory_ / "second"});
  EXPECT_EQ(finished.status, 5);
  const json uploads = report_of(finished).at("uploads");
  EXPECT_EQ(uploads[0].at("status"), "failed");
  EXPECT_EQ(uploads[1].at("status"), "registered");
  EXPECT_EQ(server.registered("second"), "mine");
}

// --- Signals
// ---------------------------------------------------------------------------------------

class Signals : public Failure, public testing::WithParamInterface<std::pair<int, Phase>> {};

TEST_P(Signals, InterruptUploadAndAreReported) {
  const auto [number, phase] = GetParam();
  ScriptedServer server({{.phase = phase, .then = Fault::Then::hold}});
  test::write_file(directory_ / "second", "two");
  test::Process put(put_options(server.url(), {"--json", dataset, path_, directory_ / "second"}));
  ASSERT_TRUE(server.wait_for(phase));
  put.signal(number);
  EXPECT_EQ(put.wait(), 128 + number);
  const json uploads = report_of({put.wait(), put.out(), put.err(), 0}).at("uploads");
  EXPECT_EQ(uploads.at(0).at("status"), "interrupted");
  EXPECT_EQ(uploads.at(0).at("error").at("kind"), "interrupted");
  EXPECT_EQ(uploads.at(1).at("status"), "skipped");
  EXPECT_THAT(put.err(), HasSubstr("interrupted"));
  // The two requests that detect the protocol may arrive in any order.
  EXPECT_THAT(server.seen().back().phase,
              testing::AnyOf(phase, phase == Phase::ask ? Phase::options : phase));
}

INSTANTIATE_TEST_SUITE_P(
    All, Signals,
    testing::Values(std::pair(SIGINT, Phase::transfer), std::pair(SIGTERM, Phase::transfer),
                    std::pair(SIGINT, Phase::ask), std::pair(SIGTERM, Phase::probe),
                    std::pair(SIGINT, Phase::verify)),
    [](const auto& signal) {
      return fmt::format("{}_{}", signal.param.first == SIGINT ? "SIGINT" : "SIGTERM",
                         signal.index);
    });

/// The protocol is remembered, but the token must be checked. If that did not check for the signal,
/// the program would end 1.5 s later without its report.
TEST_F(Failure, SigintDuringTokenCheck) {
  const auto tus = [](int status, std::string_view headers) {
    return Fault{.phase = Phase::options, .answer = http_answer(status, "", headers)};
  };
  ScriptedServer server(
      {tus(204, "Tus-Version: 1.0.0\r\nTus-Extension: creation,concatenation\r\n")});
  test::TempDir state;
  const std::string state_dir = state.path();
  ASSERT_EQ(put(server.url(), {"--state-dir", state_dir, dataset, path_}).status, 0);
  const int asked = server.count(Phase::ask);

  server.set_faults({{.phase = Phase::any, .occurrence = -1, .then = Fault::Then::hold}});
  const std::string other = directory_ / "other.h5";
  test::write_file(other, "content");
  test::Process process(
      put_options(server.url(), {"--json", "--state-dir", state_dir, dataset, other}));
  ASSERT_TRUE(server.wait_for(Phase::ask, asked + 1));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(), 130);
  const json uploads = report_of({process.wait(), process.out(), process.err(), 0}).at("uploads");
  EXPECT_EQ(uploads.at(0).at("status"), "interrupted");
  EXPECT_THAT(process.err(), HasSubstr("checking the token at"));
  EXPECT_EQ(server.count(Phase::create), 1) << "the small file's";
}

TEST_F(Failure, SigintDuringRateLimitedTransfer) {
  Bank bank;
  lengthen_file();
  test::Process put(
      put_options(bank.url(), {"--chunk", "10000", "--limit-rate", "50K", dataset, path_}));
  ASSERT_NE(bank.process().wait_for_line("successfully added chunk"), "");
  put.signal(SIGINT);
  EXPECT_EQ(put.wait(), 130);
  EXPECT_THAT(put.err(), HasSubstr("interrupted at offset"));
  EXPECT_THAT(put.err(), HasSubstr("nothing was registered"));
  EXPECT_TRUE(bank.registered().empty());
}

/// `sluice resume` would not upload the files that were not started.
TEST_F(Failure, SigintWithSeveralFilesAdvisesHowToContinue) {
  test::write_file(directory_ / "second", "second");
  const Arguments arguments{"--chunk", "10000", "--lookahead",        "0",
                            dataset,   path_,   directory_ / "second"};
  ScriptedServer server({{.phase = Phase::transfer, .occurrence = 1, .then = Fault::Then::hold}});
  test::Process put(put_options(server.url(), arguments));
  ASSERT_TRUE(server.wait_for(Phase::transfer, 2));
  put.signal(SIGINT);
  EXPECT_EQ(put.wait(), 130);
  EXPECT_THAT(put.err(), HasSubstr("scan.h5 was interrupted at offset 10000"));
  EXPECT_THAT(put.err(), HasSubstr("; to continue, run the same command again\n"));
  EXPECT_THAT(put.err(), Not(HasSubstr("sluice resume")));
  EXPECT_THAT(put.err(), Not(HasSubstr("at offset 0")));
}

// --- Output that is not accepted
// ------------------------------------------------------------------------

TEST_F(Failure, ContinuesUploadIfOutputIsClosed) {
  Bank bank;
  // The report is lost only if standard output is open but cannot be written.
  const std::vector<std::pair<const char*, int>> cases{
      {">&-", 0}, {"2>&-", 0}, {"<&- >&- 2>&-", 0}, {">/dev/full", 1}, {"2>/dev/full", 0}};
  for (const auto& [redirection, status] : cases) {
    SCOPED_TRACE(redirection);
    const std::string name = fmt::format("file{}", bank.registered().size());
    // Slow enough that the progress line is drawn, into the file that got the number of stderr.
    const test::Finished finished = run_sluice(redirected(
        put_options(bank.url(), {"--progress", "always", "--limit-rate", "200K", "--chunk", "10000",
                                 "--json", "--name", name, dataset, path_}),
        redirection));
    EXPECT_EQ(finished.status, status) << finished.err;
    EXPECT_TRUE(test::same_content(path_, bank.deposited(name)));
  }
}

TEST_F(Failure, ExitsWith1IfReportCannotBeWritten) {
  Bank bank;
  const std::string other = directory_ / "other.bin";
  test::write_file(other, "other");
  const std::vector<Arguments> commands{
      {dataset, path_, other}, {"--dry-run", dataset, path_}, {"--json", dataset, path_, other}};
  for (const Arguments& arguments : commands) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(arguments, " ")));
    const test::Finished finished =
        run_sluice(redirected(put_options(bank.url(), arguments), ">/dev/full"));
    EXPECT_EQ(finished.status, 1);
    EXPECT_THAT(finished.err, HasSubstr("cannot write the report to standard output"));
  }
  EXPECT_EQ(bank.registered().size(), 2U);
  // With --quiet there is no report to lose.
  EXPECT_EQ(run_sluice(redirected(put_options(bank.url(), {"--quiet", dataset, path_, other}),
                                  ">/dev/full"))
                .status,
            0);
}

TEST_F(Failure, PrintingCommandsFailIfOutputFails) {
  Bank bank;
  ASSERT_EQ(put(bank.url(), {"--receipt", directory_.path(), dataset, path_}).status, 0);
  for (const Arguments& command :
       {Arguments{"status", "--state-dir", directory_.path()}, Arguments{"--help"},
        Arguments{"verify", directory_ / "scan.h5.sluice.json", path_}}) {
    test::Process::Options options{
        .argv = {sluice_binary}, .env = {}, .stdin_text = {}, .directory = {}};
    options.argv.insert(options.argv.end(), command.begin(), command.end());
    EXPECT_EQ(run_sluice(options).status, 0);
    const test::Finished finished = run_sluice(redirected(options, ">/dev/full"));
    EXPECT_EQ(finished.status, 1) << command.front();
    EXPECT_THAT(finished.err, HasSubstr("cannot write the result to standard output"));
  }
}

TEST_F(Failure, ContinuesUploadAfterPipeIsClosed) {
  ScriptedServer server({{.phase = Phase::transfer, .then = Fault::Then::hold}});
  test::Process::Options options = put_options(server.url(), {dataset, path_});
  // The only reader of the pipe has ended before anything is written.
  options.argv.insert(options.argv.begin(),
                      {"/bin/sh", "-c", "{ \"$0\" \"$@\"; echo \"exit $?\" >&2; } | exec <&-"});
  test::Process process(options);
  ASSERT_TRUE(server.wait_for(Phase::transfer));
  server.release();
  process.wait();
  EXPECT_THAT(process.err(), HasSubstr("exit 1"));
  EXPECT_EQ(server.registrations(), 1);
}

}  // namespace
}  // namespace sluice::e2e::failure_test
