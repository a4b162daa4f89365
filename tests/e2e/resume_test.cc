// Uploads that are interrupted or killed, and resumed, with the real binaries.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::resume_test {
namespace {

using nlohmann::json;
using test::Fault;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t size = 1'000'000;
constexpr std::size_t chunk = 100'000;

class Resume : public testing::Test {
 protected:
  Resume() { test::write_file(path_, test::random_bytes(size, 1)); }

  Arguments with(const Arguments& more) {
    // These options make the committed bytes those of all transfers before the interrupted one.
    Arguments all{"--json",      "--chunk", std::to_string(chunk), "--block",    "16K",
                  "--lookahead", "0",       "--state-dir",         state_.path()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  test::Finished put_file(const Arguments& more = {}) {
    Arguments all = with(more);
    all.insert(all.end(), {dataset, path_});
    return put(server_.url(), all);
  }
  test::Finished command(const std::string& name, const Arguments& more = {},
                         const Environment& environment = {{"SLUICE_TOKEN", token}}) {
    test::Process::Options options;
    options.argv = {sluice_binary, name, "--state-dir", state_.path()};
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    options.env = environment;
    return run_sluice(options);
  }
  json upload_of(const test::Finished& finished) { return report_of(finished).at("uploads").at(0); }

  /// Starts an upload, sends `signal` while the server holds the third chunk, and returns the
  /// result.
  test::Finished stop_with(int signal) {
    server_.set_faults({{.phase = Phase::transfer, .occurrence = 2, .then = Fault::Then::hold}});
    Arguments all = with({dataset, path_});
    test::Process process(put_options(server_.url(), all));
    EXPECT_TRUE(server_.wait_for(Phase::transfer, server_.count(Phase::transfer) + 3));
    process.signal(signal);
    test::Finished finished;
    finished.status = process.wait();
    finished.out = process.out();
    finished.err = process.err();
    EXPECT_THAT(finished.err, Not(HasSubstr(token)));
    server_.set_faults({});
    return finished;
  }

  void expect_registered() {
    EXPECT_TRUE(server_.registered("scan.h5") == test::read_file(path_));
    EXPECT_EQ(server_.registrations(), 1);
  }

  test::TempDir directory_;
  test::TempDir state_;
  const std::string path_ = directory_ / "scan.h5";
  ScriptedServer server_;
};

TEST_F(Resume, SignalEndsUploadWithAdvice) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const test::Finished stopped = stop_with(signal);
    EXPECT_EQ(stopped.status, 128 + signal);
    const json upload = upload_of(stopped);
    EXPECT_EQ(upload.at("status"), "interrupted");
    EXPECT_EQ(upload.at("resumable"), true);
    EXPECT_EQ(std::count(stopped.err.begin(), stopped.err.end(), '\n'), 1) << stopped.err;
    EXPECT_THAT(stopped.err, HasSubstr(fmt::format("sluice resume --state-dir {} {}",
                                                   state_.path().string(), dataset)));
  }
  const json upload = upload_of(put_file());
  EXPECT_EQ(upload.at("status"), "registered");
  EXPECT_GE(upload.at("resumed_from"), 4 * chunk) << "at least two chunks each time";
  EXPECT_EQ(server_.count(Phase::setup), 1);
  expect_registered();
}

TEST_F(Resume, ResumesAfterKill) {
  EXPECT_EQ(stop_with(SIGKILL).status, 128 + SIGKILL);
  EXPECT_EQ(stop_with(SIGKILL).status, 128 + SIGKILL);
  const json upload = upload_of(put_file({"--verify-prefix"}));
  EXPECT_EQ(upload.at("status"), "registered");
  // The third chunk of each run may have arrived completely.
  EXPECT_GE(upload.at("resumed_from"), 4 * chunk);
  EXPECT_EQ(upload.at("xxh128"), xxh128_of_file(path_));
  expect_registered();
}

TEST_F(Resume, RequiresDatasetOrAllForSeveralUploads) {
  server_.set_faults(
      {{.phase = Phase::transfer, .occurrence = -1, .answer = http_answer(403, "")}});
  for (int i = 1; i <= 7; ++i) {
    Arguments all = with({"--retries", "0", fmt::format("TESTIDB-{}", i), path_});
    ASSERT_NE(put(server_.url(), all).status, 0);
  }
  const test::Finished several = command("resume");
  EXPECT_EQ(several.status, 2);
  EXPECT_THAT(
      several.err,
      testing::AllOf(HasSubstr("7 uploads are unfinished"),
                     HasSubstr("TESTIDB-1, TESTIDB-2, TESTIDB-3, TESTIDB-4, TESTIDB-5 and 2 "
                               "more"),
                     HasSubstr("--all")));
  EXPECT_EQ(server_.registrations(), 0);
}

/// SIGHUP and a closed stdout do not end an upload.
TEST_F(Resume, ContinuesAfterHangupAndClosedPipe) {
  server_.set_faults({{.phase = Phase::transfer, .occurrence = 2, .then = Fault::Then::hold}});
  test::Process process(redirected(put_options(server_.url(), with({dataset, path_})), ">&-"));
  ASSERT_TRUE(server_.wait_for(Phase::transfer, 3));
  process.signal(SIGHUP);
  process.signal(SIGPIPE);
  server_.release();
  EXPECT_EQ(process.wait(), 0) << process.err();
  expect_registered();
}

TEST_F(Resume, NeedsOnlyTheToken) {
  stop_with(SIGTERM);
  const test::Finished finished = command("resume", {"--json", "--all"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(upload_of(finished).at("resumed_from"), 2 * chunk);
  expect_registered();
  EXPECT_EQ(command("resume", {"--all"}).status, 0) << "nothing is left";
  EXPECT_EQ(command("resume").status, 2);
}

TEST_F(Resume, PrintsOnlyJsonIfNothingCanBeResumed) {
  EXPECT_EQ(put_file().status, 0);
  const test::Finished nothing = command("resume", {"--json", "--all"});
  EXPECT_EQ(nothing.status, 0) << nothing.err;
  EXPECT_THAT(report_of(nothing).at("uploads"), testing::IsEmpty());
  // The file is registered, so nothing can be resumed.
  const test::Finished unknown = command("resume", {"--json", dataset});
  EXPECT_EQ(unknown.status, 2);
  const json report = json::parse(unknown.out, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(report.is_object()) << unknown.out;
  EXPECT_THAT(report.at("uploads"), testing::IsEmpty());
  EXPECT_EQ(report.at("error").at("kind"), "usage");
}

TEST_F(Resume, FindsTokenFileOfFirstRun) {
  const std::string token_file = directory_ / "token";
  test::write_file(token_file, token);
  ASSERT_EQ(::chmod(token_file.c_str(), 0600), 0);
  server_.set_faults({{.phase = Phase::transfer, .occurrence = 2, .answer = http_answer(503, "")}});
  EXPECT_EQ(put_file({"--token-file", token_file}).status, 7);
  const test::Finished finished = command("resume", {dataset}, {});
  EXPECT_EQ(finished.status, 0) << finished.err;
  expect_registered();
}

TEST_F(Resume, StatusDescribesUnfinishedUploads) {
  EXPECT_EQ(command("status").out, "no unfinished uploads\n");
  stop_with(SIGKILL);
  test::Finished finished = command("status");
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.out,
              testing::AllOf(HasSubstr(path_), HasSubstr("976.56 KiB"),
                             HasSubstr("the process was killed"), HasSubstr("sluice resume")));
  stop_with(SIGTERM);
  finished = command("status", {"--json"});
  const json upload = json::parse(finished.out).at("uploads").at(0);
  EXPECT_EQ(upload.at("state"), "unfinished");
  EXPECT_EQ(upload.at("committed"), 4 * chunk);
  EXPECT_EQ(upload.at("bytes"), size);
  EXPECT_EQ(upload.at("running"), false);
  EXPECT_EQ(upload.at("error").at("kind"), "interrupted");
  EXPECT_EQ(upload.at("file"), path_);

  std::filesystem::remove(path_);
  EXPECT_THAT(command("status").out,
              testing::AllOf(HasSubstr("cannot stat the file: No such file or directory"),
                             HasSubstr(fmt::format("sluice forget --state-dir {} {} scan.h5\n",
                                                   state_.path().string(), dataset)),
                             Not(HasSubstr("sluice resume"))));
  // The file may still exist.
  std::filesystem::create_symlink(path_, path_);
  EXPECT_THAT(command("status").out,
              testing::AllOf(HasSubstr("Too many levels of symbolic links"),
                             HasSubstr("make the file accessible on this machine, then run: sluice "
                                       "resume"),
                             Not(HasSubstr("sluice forget"))));
  std::filesystem::remove(path_);
  test::write_file(path_, "short");
  EXPECT_THAT(command("status").out, HasSubstr(fmt::format("from {} to 5 bytes", size)));
}

TEST_F(Resume, StatusAndSecondProcessDetectRunningUpload) {
  server_.set_faults({{.phase = Phase::transfer, .then = Fault::Then::hold}});
  test::Process process(put_options(server_.url(), with({dataset, path_})));
  ASSERT_TRUE(server_.wait_for(Phase::transfer));
  const test::Finished second = put_file();
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.err, HasSubstr(std::to_string(process.pid())));
  // The journal has the entry since the end of the setup, before the transfer.
  const json upload = json::parse(command("status", {"--json"}).out).at("uploads").at(0);
  EXPECT_EQ(upload.at("running"), true);
  EXPECT_EQ(command("forget", {dataset, "scan.h5"}).status, 1);
  server_.release();
  EXPECT_EQ(process.wait(), 0) << process.err();
  EXPECT_EQ(server_.count(Phase::setup), 1);
  expect_registered();
}

TEST_F(Resume, ReportsMissingStateDirectory) {
  const std::string mistyped = state_ / "sluise";
  for (const Arguments& words :
       {Arguments{"status"}, {"status", "--json"}, {"resume", "--all"}, {"resume"}}) {
    SCOPED_TRACE(testing::PrintToString(words));
    Arguments named{sluice_binary};
    named.insert(named.end(), words.begin(), words.end());
    Arguments usual = named;
    named.insert(named.end(), {"--state-dir", mistyped});
    const test::Finished finished =
        run_sluice({.argv = named, .env = {}, .stdin_text = {}, .directory = {}});
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err, HasSubstr(mistyped));
    EXPECT_THAT(finished.out, Not(HasSubstr("no unfinished uploads")));
    if (words == Arguments{"resume"}) continue;  // `resume` needs an unfinished upload
    const test::Finished nothing = run_sluice({.argv = usual,
                                               .env = {{"XDG_STATE_HOME", state_ / "none"}},
                                               .stdin_text = {},
                                               .directory = {}});
    EXPECT_EQ(nothing.status, 0) << nothing.err;
  }
  EXPECT_FALSE(std::filesystem::exists(mistyped));
}

TEST_F(Resume, RestartsForgottenUpload) {
  stop_with(SIGTERM);
  EXPECT_EQ(command("forget", {dataset, "other"}).status, 2);
  EXPECT_EQ(command("forget", {dataset, "scan.h5"}).status, 0);
  EXPECT_EQ(command("status").out, "no unfinished uploads\n");
  const json upload = upload_of(put_file());
  EXPECT_EQ(upload.at("resumed_from"), 0);
  EXPECT_EQ(server_.count(Phase::setup), 2);
  expect_registered();
}

TEST_F(Resume, Exit6ForChangedFileWithoutRestart) {
  stop_with(SIGTERM);
  test::write_file(path_, test::random_bytes(size, 2));
  const test::Finished refused = put_file();
  EXPECT_EQ(refused.status, 6);
  EXPECT_THAT(refused.err, HasSubstr("--restart"));
  EXPECT_EQ(server_.count(Phase::verify), 0);
  EXPECT_EQ(put_file({"--restart"}).status, 0);
  expect_registered();
}

TEST_F(Resume, ReadsNewTokenFromFileAfterExpiry) {
  const std::string token_file = directory_ / "token";
  const std::string bank_file = directory_ / "bank-token";
  for (const std::string& file : {token_file, bank_file}) {
    test::write_file(file, token);
    ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  }
  Bank bank({"--dataset", "TESTIDB-9=@" + bank_file, "--fault", "expire-token,at=4,on=transfer"});
  Arguments all = with({"--token-file", token_file, "--token-wait", "10m", "TESTIDB-9", path_});
  test::Process process(redirected(put_options(bank.url(), all, {}), "2>&1"));
  EXPECT_THAT(process.wait_for_line("waiting for another token"), HasSubstr("/datasets/TESTIDB-9"));
  const std::string other = "another-token-0123";
  test::write_file(bank_file, other);
  test::write_file(directory_ / "new", other);
  ASSERT_EQ(::chmod((directory_ / "new").c_str(), 0600), 0);
  std::filesystem::rename(directory_ / "new", token_file);
  EXPECT_EQ(process.wait(), 0) << process.out();
  EXPECT_EQ(bank.registered().size(), 1U);
}

TEST_F(Resume, SignalEndsWaitForTokenBeforeSending) {
  const std::string token_file = directory_ / "token";
  test::write_file(token_file, "wrong-token-0123");
  ASSERT_EQ(::chmod(token_file.c_str(), 0600), 0);
  Bank bank({"--dataset", "TESTIDB-9=" + std::string(token)});
  const Arguments all =
      with({"--token-file", token_file, "--token-wait", "10m", "TESTIDB-9", path_});
  test::Process process(redirected(put_options(bank.url(), all, {}), "2>&1"));
  EXPECT_THAT(process.wait_for_line("waiting for another token"), HasSubstr("/datasets/TESTIDB-9"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 128 + SIGTERM) << process.out();
}

TEST_F(Resume, LaterFilesUseNewToken) {
  const std::string token_file = directory_ / "token";
  const std::string bank_file = directory_ / "bank-token";
  for (const std::string& file : {token_file, bank_file}) {
    test::write_file(file, token);
    ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  }
  Bank bank({"--protocols", "tus", "--dataset", "TESTIDB-9=@" + bank_file, "--fault",
             "expire-token,at=1,on=register"});
  Arguments all = with(
      {"--token-file", token_file, "--token-wait", "10m", "--transfers", "1", "TESTIDB-9", path_});
  for (const char* name : {"second", "third"}) {
    test::write_file(directory_ / name, test::random_bytes(1000, 3));
    all.push_back(directory_ / name);
  }
  test::Process process(redirected(put_options(bank.url(), all, {}), "2>&1"));
  process.wait_for_line("waiting for another token");
  const std::string other = "another-token-0123";
  test::write_file(bank_file, other);
  test::write_file(directory_ / "new", other);
  ASSERT_EQ(::chmod((directory_ / "new").c_str(), 0600), 0);
  std::filesystem::rename(directory_ / "new", token_file);
  EXPECT_EQ(process.wait(), 0) << process.out();
  EXPECT_EQ(bank.registered().size(), 3U);
  const std::string said = process.out();
  const std::size_t first = said.find("with a new token");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(first, said.rfind("with a new token")) << "only the first file met the old one";
}

TEST_F(Resume, Exit3ForExpiredTokenIsResumable) {
  const std::string denied = http_answer(401, "HTTP Token: Access denied.\n");
  // After the request that detects the protocol.
  server_.set_faults({{.phase = Phase::transfer, .occurrence = 3, .answer = denied},
                      {.phase = Phase::ask, .occurrence = 1, .answer = denied},
                      {.phase = Phase::ask, .occurrence = 2, .answer = denied}});
  test::Finished finished = put_file();
  EXPECT_EQ(finished.status, 3);
  EXPECT_EQ(upload_of(finished).at("resumable"), true);
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = 0,
                       .answer = http_answer(404, "Dataset Not Found")}});
  finished = put_file();
  EXPECT_EQ(finished.status, 4);
  EXPECT_EQ(upload_of(finished).at("resumable"), true);
  server_.set_faults({});
  EXPECT_EQ(upload_of(put_file()).at("resumed_from"), 3 * chunk);
  expect_registered();
}

TEST_F(Resume, OtherProgramsAcceptReceiptsAndSums) {
  const std::string sums = directory_ / "sums";
  const test::Finished finished =
      put_file({"--digest", "md5,sha256", "--receipt", directory_.path(), "--sums", sums});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(upload_of(finished).at("md5").get<std::string>().size(), 32U);
  for (const char* program : {"md5sum", "sha256sum", "xxhsum"}) {
    const test::Finished checked =
        test::run({.argv = {"/bin/sh", "-c", "exec \"$0\" -c \"$1\"", program, sums},
                   .env = {},
                   .stdin_text = {},
                   .directory = {}});
    EXPECT_EQ(checked.status, 0) << program << checked.err;
    EXPECT_THAT(checked.out, HasSubstr("OK")) << program;
  }
  const std::string receipt = directory_ / "scan.h5.sluice.json";
  test::Process::Options verify;
  verify.argv = {sluice_binary, "verify", receipt, path_};
  EXPECT_EQ(run_sluice(verify).status, 0);
  const json all = json::parse(command("status", {"--all", "--json"}).out);
  EXPECT_EQ(all.at("uploads").at(0).at("receipt"), json::parse(test::read_file(receipt)));
}

TEST_F(Resume, ReportsUnwritableReceiptsBeforeSending) {
  for (const Arguments& more : {Arguments{"--receipt", directory_ / "missing"},
                                {"--receipt", path_},
                                {"--sums", (directory_ / "missing") / "sums"},
                                {"--token-wait", "1h"},
                                {"--token-wait", "soon", "--token-file", "x"},
                                {"--digest", "crc32"}}) {
    SCOPED_TRACE(more[1]);
    const test::Finished finished = put_file(more);
    EXPECT_EQ(finished.status, 2) << finished.err;
  }
  EXPECT_EQ(server_.connections(), 0);
}

/// As on a full disk: the journal cannot grow, and the upload continues.
TEST_F(Resume, ContinuesIfJournalIsFull) {
  test::Process::Options options = put_options(server_.url(), with({dataset, path_}));
  options.argv.insert(options.argv.begin(), {"/bin/sh", "-c", "ulimit -f 48; exec \"$0\" \"$@\""});
  const test::Finished finished = run_sluice(options);
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("cannot be resumed"));
  expect_registered();
}

/// An incomplete journal without entries does not prevent later uploads.
TEST_F(Resume, UploadsIfJournalCannotBeCreated) {
  int count = 0;
  // Files of at most 4, 16 and 32 KiB: the header only, half an index of the -wal, no tables.
  for (const char* blocks : {"8", "32", "64"}) {
    const std::string state = state_ / blocks;
    for (const char* name : {"first", "second", "third"}) {
      SCOPED_TRACE(fmt::format("{} {}", blocks, name));
      test::Process::Options options = put_options(
          server_.url(),
          {"--state-dir", state, "--name", fmt::format("{}{}", name, blocks), dataset, path_});
      options.argv.insert(options.argv.begin(),
                          {"/bin/sh", "-c", "ulimit -f \"$0\"; exec \"$@\"", blocks});
      const test::Finished finished = run_sluice(options);
      EXPECT_EQ(finished.status, 0) << finished.err;
      EXPECT_THAT(finished.err, HasSubstr("cannot be resumed"));
      EXPECT_EQ(server_.registrations(), ++count);
    }
  }
}

TEST_F(Resume, FullJournalKeepsItsUpload) {
  stop_with(SIGTERM);
  Arguments words = with({"--name", "other", dataset, path_});
  test::Process::Options options = put_options(server_.url(), words);
  options.argv.insert(options.argv.begin(), {"/bin/sh", "-c", "ulimit -f 8; exec \"$0\" \"$@\""});
  const test::Finished finished = run_sluice(options);
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("may hold unfinished uploads"));
}

/// It would restart the upload, and leave a journal entry that a later resume registers again.
TEST_F(Resume, RejectsNoJournal) {
  ASSERT_EQ(stop_with(SIGTERM).status, 143);
  const test::Finished finished = command("resume", {"--no-journal", "--all"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("--no-journal"));
  EXPECT_EQ(upload_of(command("resume", {"--json", "--all"})).at("status"), "registered");
}

TEST_F(Resume, NoJournalWritesNothing) {
  EXPECT_EQ(
      put(server_.url(), {"--no-journal", "--state-dir", directory_ / "state", dataset, path_})
          .status,
      0);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "state" / "journal.sqlite"));
  test::Process::Options homeless = put_options(server_.url(), {"--name", "b", dataset, path_});
  homeless.env["XDG_STATE_HOME"] = "";
  homeless.env["HOME"] = "";
  const test::Finished finished = run_sluice(homeless);
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("--no-journal"));
}

TEST_F(Resume, RemembersSmallerChunkForNextFile) {
  Fault too_large{.phase = Phase::transfer, .occurrence = 0, .answer = http_answer(413, "")};
  server_.set_faults({too_large});
  const auto put_as = [&](const std::string& name, const Arguments& more = {}) {
    const std::size_t before = server_.seen().size();
    Arguments all{"--state-dir", state_.path(), "--name", name, dataset, path_};
    all.insert(all.end(), more.begin(), more.end());
    EXPECT_EQ(put(server_.url(), all).status, 0);
    server_.set_faults({});
    std::size_t largest = 0;
    const auto seen = server_.seen();
    for (std::size_t i = before; i < seen.size(); ++i)
      largest = std::max(largest, seen[i].complete ? seen[i].payload_size : 0);
    return largest;
  };
  EXPECT_EQ(put_as("first"), size);  // refused, but received
  EXPECT_EQ(put_as("second"), size / 2);
  EXPECT_EQ(put_as("third", {"--chunk", "64M"}), size) << "whoever says a size means it";
}

}  // namespace
}  // namespace sluice::e2e::resume_test
