// `sluice token`, and commands that use stored tokens.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utime.h>
#include <utmp.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <vector>

#include "engine/base/unix_time.h"
#include "io/unique_fd.h"
#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::token_store_test {
namespace {

using test::ScriptedServer;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

using namespace std::chrono_literals;

/// Runs `sluice token add` on a pseudoterminal of its own, its /dev/tty.
class Prompt {
 public:
  explicit Prompt(const std::string& url) {
    int master = -1, slave = -1;
    EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    master_ = UniqueFd(master);
    slave_ = UniqueFd(slave);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    const std::string config = "XDG_CONFIG_HOME=" + config_home();
    const std::array<const char*, 7> argv{sluice_binary.c_str(), "token", "add",  "--url",
                                          url.c_str(),           dataset, nullptr};
    std::vector<std::string> variables{config};
    for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
      if (const char* const value = std::getenv(name))
        variables.push_back(fmt::format("{}={}", name, value));
    std::vector<char*> environment;
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    child_ = ::fork();
    if (child_ == 0) {
      // The test runner may have ignored some signals, for example in the background.
      for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) ::signal(number, SIG_DFL);
      if (::login_tty(slave) != 0) ::_exit(126);
      ::execve(argv[0], const_cast<char* const*>(argv.data()), environment.data());
      ::_exit(127);
    }
  }
  ~Prompt() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  /// Returns false after 60 s.
  bool read_until(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (shown_.find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      read_some();
    }
    return true;
  }
  void type(const std::string& keys) {
    EXPECT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  bool echoes() const {
    termios mode{};
    EXPECT_EQ(::tcgetattr(slave_.get(), &mode), 0);
    return (mode.c_lflag & ECHO) != 0;
  }
  void signal(int number) { ::kill(child_, number); }
  /// Returns the exit status, or 128 + the signal that ended the process.
  int wait() {
    int status = 0;
    while (::waitpid(child_, &status, WNOHANG) == 0) read_some();
    child_ = -1;
    while (read_some()) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  const std::string& shown() const { return shown_; }

 private:
  /// Returns false if no output arrived within 20 ms.
  bool read_some() {
    pollfd entry{master_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 20) <= 0) return false;
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(master_.get(), buffer.data(), buffer.size());
    if (got > 0) shown_.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  UniqueFd master_, slave_;
  pid_t child_ = -1;
  std::string shown_;
};

class TokenStoreRuns : public testing::Test {
 protected:
  TokenStoreRuns() { test::write_file(path_, "content"); }

  test::Finished tokens(const Arguments& arguments, const std::string& input = "") {
    test::Process::Options options;
    options.argv = {sluice_binary, "token"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.stdin_text = input;
    return run_sluice(options);
  }
  test::Finished add(const std::string& url, const std::string& text,
                     const std::string& key = dataset) {
    return tokens({"add", "--url", url, key}, text);
  }
  /// Returns the only file of the store.
  static std::string stored_file() {
    std::vector<std::string> files;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(config_home() + "/sluice/tokens", none))
      files.push_back(entry.path());
    EXPECT_EQ(files.size(), 1U);
    return files.empty() ? std::string() : files.front();
  }

  test::TempDir directory_;
  const std::string path_ = directory_ / "scan.h5";
};

TEST_F(TokenStoreRuns, FindTokensByServer) {
  ScriptedServer server;
  const test::Finished added = add(server.url(), fmt::format("\n {}\r\n", token));
  EXPECT_EQ(added.status, 0) << added.err;
  EXPECT_THAT(added.out, AllOf(HasSubstr(dataset), HasSubstr(server.url()), HasSubstr("3 days")));

  const test::Finished sent = put(server.url(), {dataset, path_}, {});
  EXPECT_EQ(sent.status, 0) << sent.err;
  for (const auto& seen : server.seen())
    EXPECT_EQ(seen.headers.at("authorization"), std::string("Token token=") + token);
  test::Process::Options check;
  check.argv = {sluice_binary, "check", "--url", server.url(), dataset};
  EXPECT_EQ(run_sluice(check).status, 0);

  ScriptedServer other;
  const test::Finished refused = put(other.url(), {dataset, path_}, {});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err,
              HasSubstr(fmt::format("sluice token add --url {} {}", other.url(), dataset)));
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(TokenStoreRuns, ListAndRemoveTokens) {
  EXPECT_EQ(tokens({"list"}).out, "no tokens are stored\n");
  ASSERT_EQ(add("https://databank.illinois.edu", token, "IDB-1").status, 0);
  ASSERT_EQ(add("https://demo.databank.illinois.edu", token, "IDB-2").status, 0);
  const std::time_t old = unix_s() - 4 * 24 * 3600;
  const utimbuf times{old, old};
  ASSERT_EQ(::utime((config_home() + "/sluice/tokens/IDB-1@databank.illinois.edu").c_str(), &times),
            0);

  const test::Finished listed = tokens({"list"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_THAT(listed.out,
              AllOf(HasSubstr("IDB-1\n  server   https://databank.illinois.edu\n"),
                    HasSubstr("added    4 d 0 h ago"), HasSubstr("expired  1 d 0 h ago"),
                    HasSubstr("IDB-2"), ContainsRegex("expires  in (2 d 23|3 d 0) h")));
  EXPECT_THAT(tokens({"list", "IDB-2"}).out, AllOf(HasSubstr("IDB-2"), Not(HasSubstr("IDB-1"))));
  EXPECT_THAT(tokens({"list", "--system", "production"}).out, Not(HasSubstr("IDB-2")));

  EXPECT_EQ(tokens({"list", "--system", "demo", "IDB-1"}).out,
            "no tokens are stored for dataset IDB-1 of https://demo.databank.illinois.edu\n");

  EXPECT_EQ(tokens({"remove", "IDB-2"}).status, 2) << "that is at another server";
  EXPECT_EQ(tokens({"remove", "--system", "demo", "IDB-2"}).status, 0);
  EXPECT_THAT(tokens({"list"}).out, Not(HasSubstr("IDB-2")));
}

TEST_F(TokenStoreRuns, ListTokensAsJson) {
  EXPECT_EQ(nlohmann::json::parse(tokens({"list", "--json"}).out).at("tokens").size(), 0U);
  ASSERT_EQ(add("https://databank.illinois.edu", token, "IDB-1").status, 0);
  ASSERT_EQ(add("https://demo.databank.illinois.edu", token, "IDB-2").status, 0);
  const std::string file = config_home() + "/sluice/tokens/IDB-1@databank.illinois.edu";
  const utimbuf times{1'000'000'000, 1'000'000'000};
  ASSERT_EQ(::utime(file.c_str(), &times), 0);

  const test::Finished listed = tokens({"list", "--json"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_THAT(listed.out, Not(HasSubstr(token)));
  EXPECT_EQ(std::count(listed.out.begin(), listed.out.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(listed.out);
  EXPECT_EQ(json.at("error"), nullptr);
  ASSERT_EQ(json.at("tokens").size(), 2U);
  EXPECT_EQ(json.at("tokens").at(0), (nlohmann::json{{"dataset", "IDB-1"},
                                                     {"system", "https://databank.illinois.edu"},
                                                     {"file", file},
                                                     {"added", "2001-09-09T01:46:40Z"},
                                                     {"expires", "2001-09-12T01:46:40Z"},
                                                     {"expired", true}}));
  EXPECT_EQ(json.at("tokens").at(1).at("expired"), false);
  const auto one = nlohmann::json::parse(tokens({"list", "--json", "IDB-2"}).out);
  ASSERT_EQ(one.at("tokens").size(), 1U);
  EXPECT_EQ(one.at("tokens").at(0).at("dataset"), "IDB-2");

  const test::Finished wrong = tokens({"list", "--json", "not a key"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(nlohmann::json::parse(wrong.out).at("error").at("kind"), "usage");
  EXPECT_EQ(tokens({"remove", "--json", "IDB-2"}).status, 2);
}

/// Users may try it, and output goes into logs.
TEST_F(TokenStoreRuns, DoNotPrintTokensGivenAsArguments) {
  for (const Arguments& command :
       {Arguments{"add", dataset, token}, Arguments{"add", token, dataset},
        Arguments{"add", "--token=" + std::string(token), dataset},
        Arguments{"add", "--json", dataset, token}}) {
    const test::Finished finished = tokens(command);
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err,
                AllOf(HasSubstr("a token cannot be an argument"), Not(HasSubstr(token))));
    EXPECT_THAT(finished.out, Not(HasSubstr(token)));
  }
  const test::Finished sent =
      put("http://127.0.0.1:1", {"--token=" + std::string(token), dataset, path_}, {});
  EXPECT_EQ(sent.status, 2);
  EXPECT_THAT(sent.err, AllOf(HasSubstr("--token is not an option"), Not(HasSubstr(token))));
}

TEST_F(TokenStoreRuns, AdviseHowToReplaceRefusedToken) {
  Bank bank;
  ASSERT_EQ(add(bank.url(), "0123456789abcdef").status, 0);
  const test::Finished sent = put(bank.url(), {dataset, path_}, {});
  EXPECT_EQ(sent.status, 3);
  EXPECT_THAT(sent.err, HasSubstr(fmt::format("store it with: sluice token add --url {} {}",
                                              bank.url(), dataset)));
  // The advice applies to tokens of the store only.
  EXPECT_THAT(put(bank.url(), {dataset, path_}, {{"SLUICE_TOKEN", "0123456789abcdef"}}).err,
              Not(HasSubstr("sluice token add")));
}

TEST_F(TokenStoreRuns, RejectInvalidTokens) {
  for (const std::string& bad : {std::string(), fmt::format("export TOKEN={}", token),
                                 fmt::format("{}\n{}", token, token)}) {
    const test::Finished finished = add("http://127.0.0.1:1", bad);
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err, HasSubstr("standard input"));
  }
  EXPECT_EQ(tokens({"add"}, token).status, 2) << "of which dataset?";
  EXPECT_EQ(tokens({"add", "--url", "http://x.org", dataset}, token).status, 2) << "plain HTTP";
  EXPECT_EQ(tokens({"list"}).out, "no tokens are stored\n");
}

/// Today's server accepts it anyway.
TEST_F(TokenStoreRuns, WarnOfExpiredTokenAndUseIt) {
  ScriptedServer server;
  ASSERT_EQ(add(server.url(), token).status, 0);
  const std::time_t old = unix_s() - 4 * 24 * 3600;
  const utimbuf times{old, old};
  ASSERT_EQ(::utime(stored_file().c_str(), &times), 0);
  const test::Finished sent = put(server.url(), {dataset, path_}, {});
  EXPECT_EQ(sent.status, 0) << sent.err;
  EXPECT_THAT(sent.err,
              AllOf(HasSubstr("has expired (1 d 0 h ago"),
                    HasSubstr(fmt::format("sluice token add --url {} {}", server.url(), dataset))));
}

/// The journal has the rate of the last uploads, before the next ones start.
TEST_F(TokenStoreRuns, WarnIfTokenExpiresDuringUploads) {
  Bank bank;
  ASSERT_EQ(add(bank.url(), token).status, 0);
  test::write_random_file(directory_ / "first", 1'200'000, 1);
  const test::Finished first =
      put(bank.url(), {"--limit-rate", "1M", dataset, directory_ / "first"}, {});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.err, Not(HasSubstr("expires")));
  test::write_file(directory_ / "large", "x");
  std::filesystem::resize_file(directory_ / "large", std::uint64_t{1} << 40);  // a hole
  const test::Finished large = put(bank.url(), {"--dry-run", dataset, directory_ / "large"}, {});
  EXPECT_EQ(large.status, 0) << large.err;
  EXPECT_THAT(large.err, HasSubstr("expires in"));
}

/// `sluice token add` in another terminal renews the token of a waiting upload.
TEST_F(TokenStoreRuns, RenewTokenOfWaitingUpload) {
  Bank bank;
  ASSERT_EQ(add(bank.url(), "an-old-token-0123").status, 0);
  test::Process process(
      redirected(put_options(bank.url(), {"--token-wait", "10m", dataset, path_}, {}), "2>&1"));
  EXPECT_THAT(process.wait_for_line("waiting for another token"),
              HasSubstr(fmt::format("/datasets/{}", dataset)));
  ASSERT_EQ(add(bank.url(), token).status, 0);
  EXPECT_EQ(process.wait(), 0) << process.out();
  EXPECT_EQ(bank.registered().size(), 1U);
}

/// Two datasets with a stored token each, and no SLUICE_TOKEN.
TEST_F(TokenStoreRuns, ResumeUploadsIntoSeveralDatasets) {
  Bank bank({"--protocols", "tus", "--dataset", "TESTIDB-8=another-token-8", "--dataset",
             "TESTIDB-9=another-token-9", "--fault", "reset-mid-body,on=patch,at=1", "--fault",
             "reset-mid-body,on=patch,at=2"});
  std::filesystem::resize_file(path_, 12'000'000);  // long enough to be interrupted
  for (const char* key : {"TESTIDB-8", "TESTIDB-9"})
    EXPECT_NE(
        put(bank.url(), {key, path_}, {{"SLUICE_TOKEN", fmt::format("another-token-{}", key + 8)}})
            .status,
        0);
  test::Process::Options resume;
  resume.argv = {sluice_binary, "resume", "--all"};
  const test::Finished refused = run_sluice(resume);
  EXPECT_EQ(refused.status, 2) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("sluice token add --url"));
  for (const char* key : {"TESTIDB-8", "TESTIDB-9"})
    ASSERT_EQ(add(bank.url(), fmt::format("another-token-{}", key + 8), key).status, 0);
  const test::Finished resumed = run_sluice(resume);
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(bank.registered().size(), 2U);
}

/// SLUICE_TOKEN can be the token of one dataset only, so stored tokens take precedence.
TEST_F(TokenStoreRuns, UseTokenOfEachDatasetInManifest) {
  Bank bank({"--dataset", "TESTIDB-8=another-token-8", "--dataset", "TESTIDB-9=another-token-9"});
  test::write_file(
      directory_ / "m.csv",
      fmt::format("path,dataset\nscan.h5,{}\nscan.h5,TESTIDB-8\nscan.h5,TESTIDB-9\n", dataset));
  test::Process::Options run = put_options(bank.url(), {directory_ / "m.csv"}, {});
  run.argv[1] = "run";
  const test::Finished refused = run_sluice(run);
  EXPECT_EQ(refused.status, 2);
  for (const char* key : {dataset, "TESTIDB-8", "TESTIDB-9"})
    EXPECT_THAT(refused.err,
                HasSubstr(fmt::format("sluice token add --url {} {} ", bank.url(), key)));
  for (const char* key : {"TESTIDB-8", "TESTIDB-9"})
    ASSERT_EQ(add(bank.url(), fmt::format("another-token-{}", key + 8), key).status, 0);
  run.env["SLUICE_TOKEN"] = token;
  const test::Finished sent = run_sluice(run);
  EXPECT_EQ(sent.status, 0) << sent.err;
  EXPECT_EQ(bank.registered().size(), 3U);
}

TEST_F(TokenStoreRuns, PromptWithoutEcho) {
  Prompt prompt("http://127.0.0.1:1");
  ASSERT_TRUE(prompt.read_until(fmt::format("Token for dataset {}", dataset))) << prompt.shown();
  EXPECT_FALSE(prompt.echoes());
  // Other text in a careless paste; the shell would run the last line.
  prompt.type(fmt::format("\n  {} \necho next\n", token));
  EXPECT_EQ(prompt.wait(), 0) << prompt.shown();
  EXPECT_TRUE(prompt.echoes());
  EXPECT_THAT(prompt.shown(), AllOf(Not(HasSubstr(token)), Not(HasSubstr("echo next"))));
  EXPECT_EQ(test::read_file(stored_file()), std::string(token) + "\n");
}

TEST_F(TokenStoreRuns, PromptRestoresEchoAfterSignal) {
  for (const int number : {SIGINT, SIGTERM}) {
    Prompt prompt("http://127.0.0.1:1");
    ASSERT_TRUE(prompt.read_until("Token for dataset")) << prompt.shown();
    prompt.type("half-a-tok");
    if (number == SIGINT)
      prompt.type("\x03");
    else
      prompt.signal(number);
    EXPECT_EQ(prompt.wait(), 128 + number) << prompt.shown();
    EXPECT_TRUE(prompt.echoes());
    EXPECT_THAT(prompt.shown(), Not(HasSubstr("half-a-tok")));
  }
  EXPECT_EQ(tokens({"list"}).out, "no tokens are stored\n");
}

TEST_F(TokenStoreRuns, PromptRejectsEndOfInput) {
  for (const char* keys : {"\x04", "\n"}) {
    Prompt prompt("http://127.0.0.1:1");
    ASSERT_TRUE(prompt.read_until("Token for dataset")) << prompt.shown();
    prompt.type(keys);
    EXPECT_EQ(prompt.wait(), 2) << prompt.shown();
    EXPECT_TRUE(prompt.echoes());
    EXPECT_THAT(prompt.shown(), HasSubstr("token is empty"));
  }
}

}  // namespace
}  // namespace sluice::e2e::token_store_test
