// `sluice forget`: what remains of an upload in the journal and at the server.
#include <fmt/format.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::forget_test {
namespace {

using test::Fault;
using test::Phase;
using test::ScriptedServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr const char* name = "scan.h5";
constexpr const char* stays = "the server keeps the data until ";
const Environment good_token{{"SLUICE_TOKEN", token}};

class Forget : public testing::Test {
 protected:
  Forget() { test::write_file(path_, test::random_bytes(16'000'001, 4)); }

  /// Returns the options of a databankd that supports tus and breaks off the first PATCH.
  static Arguments that_breaks(Arguments more = {}) {
    more.insert(more.end(), {"--protocols", "tus", "--fault", "reset-mid-body,at=1,on=patch"});
    return more;
  }
  test::Process::Options put_of(const Bank& bank, const Arguments& more) {
    Arguments all{"--block", "64K", "--pool", "1M", "--state-dir", state_.path()};
    all.insert(all.end(), more.begin(), more.end());
    return put_options(bank.url(), all);
  }
  /// Starts an upload that breaks off.
  void begin(Bank& bank, const Arguments& more = {}) {
    Arguments all = more;
    all.insert(all.end(), {dataset, path_});
    const auto broken = run_sluice(put_of(bank, all));
    ASSERT_EQ(broken.status, 7) << broken.err;
    ASSERT_FALSE(uploads_at(bank).empty());
  }
  test::Finished command(const Arguments& words, const Environment& environment = good_token) {
    Arguments all{sluice_binary};
    all.insert(all.end(), words.begin(), words.end());
    all.insert(all.end(), {"--state-dir", state_.path()});
    return run_sluice({.argv = all, .env = environment, .stdin_text = {}, .directory = {}});
  }
  test::Finished forget(const Environment& environment = good_token, const Arguments& more = {}) {
    Arguments words{"forget", dataset, name};
    words.insert(words.end(), more.begin(), more.end());
    return command(words, environment);
  }
  /// Expects that the upload is discarded in the journal, and stays at the server.
  void expect_it_stays(const test::Finished& finished, const Bank& bank) {
    EXPECT_THAT(finished.out, AllOf(StartsWith("discarded "), HasSubstr("uploaded)\n")));
    EXPECT_THAT(finished.err, HasSubstr(stays));
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_FALSE(uploads_at(bank).empty());
    EXPECT_EQ(command({"status"}).out, "no unfinished uploads\n");
  }
  /// Returns the files of the tus uploads in databankd's store.
  static std::vector<std::string> uploads_at(const Bank& bank) {
    std::vector<std::string> files;
    const auto store = bank.deposited(name).parent_path().parent_path();
    for (const auto& entry : std::filesystem::directory_iterator(store / ".tus"))
      files.push_back(entry.path().filename().string());
    return files;
  }

  test::TempDir directory_;
  test::TempDir state_;
  const std::string path_ = directory_ / name;
};

TEST_F(Forget, DeletesUploadAtTusServer) {
  for (const char* lanes : {"0", "3"}) {
    SCOPED_TRACE(lanes);
    // All parts exist then: a part whose creation is in flight when another one breaks off has no
    // URL in the journal.
    Bank bank(lanes == std::string("0")
                  ? that_breaks()
                  : Arguments{"--protocols", "tus", "--fault", "status:503,every=1,on=join"});
    begin(bank, {"--lanes", lanes});
    const auto finished = forget();
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("deleted the data from the server\n"));
    EXPECT_THAT(uploads_at(bank), IsEmpty());
    EXPECT_EQ(command({"status"}).out, "no unfinished uploads\n");
    EXPECT_EQ(forget().status, 2) << "there is no such upload any more";
  }
}

TEST_F(Forget, FindsTokenLikeUpload) {
  const std::string token_file = directory_ / "token";
  test::write_file(token_file, token);
  ASSERT_EQ(::chmod(token_file.c_str(), 0600), 0);
  Bank first(that_breaks());
  begin(first, {"--token-file", token_file});
  EXPECT_EQ(forget({}).status, 0) << "the upload's own file";
  EXPECT_THAT(uploads_at(first), IsEmpty());
  Bank second(that_breaks());
  begin(second);
  EXPECT_EQ(forget({}, {"--token-file", token_file}).status, 0);
  EXPECT_THAT(uploads_at(second), IsEmpty());
}

TEST_F(Forget, KeepsDataAtServerWithoutValidToken) {
  Bank bank(that_breaks());
  begin(bank);
  auto finished = forget({});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("SLUICE_TOKEN"));
  expect_it_stays(finished, bank);

  Bank other(that_breaks());
  begin(other);
  finished = forget({{"SLUICE_TOKEN", "another-token-than-the-good-one"}});
  EXPECT_EQ(finished.status, 3);
  EXPECT_THAT(finished.err, Not(HasSubstr("another-token-than")));
  expect_it_stays(finished, other);
}

TEST_F(Forget, DiscardsUploadIfServerIsUnreachable) {
  {
    Bank bank(that_breaks());
    begin(bank);
  }
  const auto finished = forget();
  EXPECT_EQ(finished.status, 7);
  EXPECT_THAT(finished.out, AllOf(StartsWith("discarded "), HasSubstr("uploaded)\n")));
  EXPECT_THAT(finished.err, HasSubstr(stays));
  EXPECT_EQ(command({"status"}).out, "no unfinished uploads\n");
}

TEST_F(Forget, ReportsExpiryIfServerCannotDelete) {
  Bank cannot(that_breaks({"--tus-extensions", "creation,expiration"}));
  begin(cannot);
  auto finished = forget();
  EXPECT_EQ(finished.status, 0) << "nothing went wrong";
  EXPECT_THAT(finished.err, HasSubstr("until 20"));
  expect_it_stays(finished, cannot);

  Bank refuses(that_breaks({"--fault", "status:403,on=delete"}));
  begin(refuses);
  finished = forget();
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, AllOf(HasSubstr("until 20"), HasSubstr("403")));
  expect_it_stays(finished, refuses);
}

/// As after a kill: the server may still process the last PATCH.
TEST_F(Forget, RetriesWhileUploadIsLocked) {
  Bank bank(that_breaks({"--fault", "locked,at=1,on=delete"}));
  begin(bank);
  EXPECT_EQ(forget().status, 0);
  EXPECT_THAT(uploads_at(bank), IsEmpty());
}

/// The bytes are at the server, in an upload whose URL is unknown.
TEST_F(Forget, DoesNotReportJoinedUploadWithLostUrlAsDeleted) {
  Bank bank({"--protocols", "tus", "--fault", "lose-response,at=1,on=join"});
  const auto lost = run_sluice(put_of(bank, {"--lanes", "3", dataset, path_}));
  ASSERT_EQ(lost.status, 7) << lost.err;
  const auto finished = forget();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("the parts are gone"));
  expect_it_stays(finished, bank);
}

/// Its bytes may be those of a registered file.
TEST_F(Forget, KeepsUploadThatMayBeRegistered) {
  Bank bank({"--protocols", "tus", "--fault", "lose-request,at=1,on=register"});
  const auto lost = run_sluice(put_of(bank, {dataset, path_}));
  ASSERT_EQ(lost.status, 1) << lost.err;
  const auto finished = forget();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("the file may be registered"));
  expect_it_stays(finished, bank);
}

/// Only one of the two files is being uploaded.
TEST_F(Forget, WorksDuringUploadOfAnotherFile) {
  Bank bank(that_breaks({"--fault", "stall,at=2,on=patch"}));
  begin(bank);
  const std::string busy = directory_ / "busy.h5";
  test::write_file(busy, test::random_bytes(500'000, 5));
  test::Process process(put_of(bank, {dataset, busy}));
  bank.process().wait_for_line("fault stall");
  const auto refused = command({"forget", dataset, "busy.h5"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr(std::to_string(process.pid())), HasSubstr("is uploading 'busy.h5'")));
  const auto before = uploads_at(bank).size();
  const auto finished = forget();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_LT(uploads_at(bank).size(), before);
  EXPECT_THAT(command({"status"}).out, HasSubstr("being uploaded by"));
  process.signal(SIGKILL);
  process.wait();
  EXPECT_THAT(uploads_at(bank), Not(IsEmpty())) << "the other one's";
}

TEST_F(Forget, DiscardsPhasedUploadWithoutToken) {
  ScriptedServer server({{.phase = Phase::transfer, .answer = test::http_answer(503, "")}});
  const Arguments words{"--state-dir", state_.path(), "--chunk", "1M", dataset};
  Arguments one = words;
  one.push_back(path_);
  ASSERT_EQ(put(server.url(), one).status, 7);
  server.set_faults({{.phase = Phase::transfer, .then = Fault::Then::hold}});
  const std::string busy = directory_ / "busy.h5";
  test::write_file(busy, test::random_bytes(500'000, 5));
  Arguments other = words;
  other.push_back(busy);
  test::Process process(put_options(server.url(), other));
  ASSERT_TRUE(server.wait_for(Phase::transfer));
  const auto finished = forget({});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.err, "");
  EXPECT_THAT(finished.out, AllOf(StartsWith("discarded "), HasSubstr("uploaded)\n")));
  process.signal(SIGKILL);
  process.wait();
}

/// The user has found the file on the page; the same command must not register it again.
TEST_F(Forget, RegisteredOptionPreventsSecondUpload) {
  Bank bank({"--protocols", "tus", "--fault", "lose-response,at=1,on=register"});
  const std::string second = directory_ / "second";
  test::write_file(second, "second");
  const Arguments files{"--register-wait", "0s", dataset, path_, second};
  ASSERT_EQ(run_sluice(put_of(bank, files)).status, 1);
  ASSERT_EQ(bank.registered().size(), 2U);
  const std::string lost =
      command({"status"}).out.find(name) == std::string::npos ? "second" : name;
  const test::Finished noted = command({"forget", "--registered", dataset, lost});
  EXPECT_EQ(noted.status, 0) << noted.err;
  EXPECT_THAT(noted.out, HasSubstr("as registered"));
  EXPECT_EQ(command({"status"}).out, "no unfinished uploads\n");
  const test::Finished again = run_sluice(put_of(bank, files));
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(bank.registered().size(), 2U);
}

TEST_F(Forget, RejectsRegisteredOptionForUnsentRegistration) {
  Bank bank(that_breaks());
  begin(bank);
  const test::Finished finished = command({"forget", "--registered", dataset, name});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("its registration was never sent"));
  EXPECT_THAT(command({"status"}).out, HasSubstr(name));
}

TEST_F(Forget, DiscardsNothingIfOneNameIsWrong) {
  Bank bank(that_breaks());
  begin(bank);
  const test::Finished finished = command({"forget", dataset, name, "other"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("cannot discard 'other'"));
  EXPECT_THAT(command({"status"}).out, HasSubstr(name));
}

}  // namespace
}  // namespace sluice::e2e::forget_test
