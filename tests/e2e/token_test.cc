// Where the token comes from, and where it must not appear.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::token_test {
namespace {

using test::Fault;
using test::Phase;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;

class Token : public testing::Test {
 protected:
  Token() { test::write_file(path_, "content"); }

  std::string token_file(const std::string& content, mode_t mode = 0600) {
    const std::string path = directory_ / "token";
    test::write_file(path, content);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  void expect_sent(const test::Finished& finished) {
    EXPECT_EQ(finished.status, 0) << finished.err;
    for (const auto& seen : server_.seen())
      EXPECT_EQ(seen.headers.at("authorization"), std::string("Token token=") + token);
  }
  void expect_refused(const test::Finished& finished, const std::string& says) {
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err, HasSubstr(says));
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_EQ(server_.connections(), 0);
  }

  test::TempDir directory_;
  const std::string path_ = directory_ / "scan.h5";
  ScriptedServer server_;
};

TEST_F(Token, IsReadFromEnvironment) {
  expect_sent(put(server_.url(), {dataset, path_}));
}

TEST_F(Token, IsReadFromFileWithWhiteSpace) {
  expect_sent(put(server_.url(),
                  {"--token-file", token_file(fmt::format("\n {}\r\n\n", token)), dataset, path_},
                  {}));
}

TEST_F(Token, IsReadFromReadOnlyFileOfOwner) {
  expect_sent(put(server_.url(), {"--token-file", token_file(token, 0400), dataset, path_}, {}));
}

TEST_F(Token, IsPreferredFromFile) {
  expect_sent(put(server_.url(), {"--token-file", token_file(token), dataset, path_},
                  {{"SLUICE_TOKEN", "other"}}));
}

TEST_F(Token, IsReadFromStandardInput) {
  auto options = put_options(server_.url(), {"--token-file", "-", dataset, path_}, {});
  options.stdin_text = fmt::format("{}\n", token);
  expect_sent(run_sluice(options));
}

TEST_F(Token, IsRejectedFromWorldReadableFile) {
  for (const mode_t mode : {0644U, 0604U, 0602U, 0601U})
    expect_refused(
        put(server_.url(), {"--token-file", token_file(token, mode), dataset, path_}, {}),
        "all users of this machine can access the file");
}

/// The group bits may also belong to an access control list.
TEST_F(Token, IsAllowedFromGroupReadableFile) {
  const test::Finished any = put(
      server_.url(),
      {"--token-file-mode", "any", "--token-file", token_file(token, 0644), dataset, path_}, {});
  expect_sent(any);
  EXPECT_THAT(any.err, HasSubstr("all users of this machine can access the file"));
  for (const mode_t mode : {0640U, 0440U, 0660U})
    expect_sent(put(server_.url(),
                    {"--name", fmt::format("{:o}", mode), "--token-file", token_file(token, mode),
                     dataset, path_},
                    {}));
  const test::Finished neither =
      put(server_.url(),
          {"--token-file-mode", "some", "--token-file", token_file(token), dataset, path_}, {});
  EXPECT_EQ(neither.status, 2);
}

TEST_F(Token, ErrorDescribesSurroundingText) {
  expect_refused(put(server_.url(),
                     {"--token-file", token_file(fmt::format("export SLUICE_TOKEN={}\n", token)),
                      dataset, path_},
                     {}),
                 "the text is a shell assignment");
  expect_refused(
      put(server_.url(), {dataset, path_}, {{"SLUICE_TOKEN", fmt::format("\"{}\"", token)}}),
      "the environment variable SLUICE_TOKEN: the text has quotes around the token");
}

TEST_F(Token, IsRequired) {
  expect_refused(put(server_.url(), {dataset, path_}, {}), "no token for dataset");
  expect_refused(put(server_.url(), {dataset, path_}, {{"SLUICE_TOKEN", ""}}), "token is empty");
  expect_refused(put(server_.url(), {"--token-file", token_file(""), dataset, path_}, {}),
                 "token is empty");
  expect_refused(put(server_.url(), {"--token-file", token_file("\n"), dataset, path_}, {}),
                 "token is empty");
  expect_refused(put(server_.url(), {"--token-file", "-", dataset, path_}, {}), "token is empty");
}

TEST_F(Token, IsRejectedFromInvalidFile) {
  expect_refused(put(server_.url(), {"--token-file", directory_ / "missing", dataset, path_}, {}),
                 "missing");
  expect_refused(put(server_.url(), {"--token-file", directory_.path(), dataset, path_}, {}),
                 "Is a directory");
  expect_refused(put(server_.url(),
                     {"--token-file", token_file(std::string(100'000, 'x')), dataset, path_}, {}),
                 "no token is that long");
  expect_refused(put(server_.url(), {"--token-file", "/dev/zero", dataset, path_}, {}), "");
}

TEST_F(Token, IsNotRepeatedInErrorIfInvalid) {
  for (const std::string& bad :
       {fmt::format("{} {}", token, token), fmt::format("{}\r\nX-Injected: 1", token),
        fmt::format("{}\"", token), fmt::format("{}\xc3\xa9", token)})
    expect_refused(put(server_.url(), {dataset, path_}, {{"SLUICE_TOKEN", bad}}), "token");
}

TEST_F(Token, IsRejectedAsArgument) {
  const test::Finished finished = put(server_.url(), {"--token", "x", dataset, path_});
  EXPECT_EQ(finished.status, 2);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(Token, IsNotInTheProcessList) {
  server_.set_faults({{.phase = Phase::transfer, .then = Fault::Then::hold}});
  test::Process process(
      put_options(server_.url(), {"--token-file", token_file(token), dataset, path_}, {}));
  ASSERT_TRUE(server_.wait_for(Phase::transfer));
  for (const char* file : {"cmdline", "comm", "environ"}) {
    const std::string text = test::read_file(fmt::format("/proc/{}/{}", process.pid(), file));
    EXPECT_FALSE(text.empty());
    EXPECT_THAT(text, Not(HasSubstr(token))) << file;
  }
  server_.release();
  EXPECT_EQ(process.wait(), 0);
}

/// put() searches all output for the token.
TEST_F(Token, IsNotPrintedIfServerEchoesIt) {
  for (const char* phase : {"ask", "transfer", "verify"}) {
    const Phase which = phase == std::string("ask")      ? Phase::ask
                        : phase == std::string("verify") ? Phase::verify
                                                         : Phase::transfer;
    for (const char* answer :
         {"HTTP/1.1 500 {token}\r\n\r\n{token}", "HTTP/1.1 401 No\r\n\r\n{token}",
          "HTTP/1.1 404 No\r\n\r\n{token}", "HTTP/1.1 302 No\r\nLocation: /{token}\r\n\r\n",
          "HTTP/1.1 200 OK\r\n\r\n<title>{token}</title>", "HTTP/1.1 503 No\r\n\r\n{token}",
          "HTTP/1.1 200 OK\r\n\r\n{\"error\":\"{token}\",\"status\":500}", "{token}\r\n\r\n"}) {
      server_.set_faults(
          {{.phase = which, .occurrence = -1, .answer = answer, .then = Fault::Then::close}});
      const test::Finished finished = put(server_.url(), {"--json", "--verbose", dataset, path_});
      EXPECT_NE(finished.status, 0);
      EXPECT_FALSE(finished.err.empty());
    }
  }
}

TEST_F(Token, IsNotSentAfterRedirect) {
  ScriptedServer other;
  for (const int status : {301, 302, 303, 307, 308}) {
    server_.set_faults(
        {{.phase = Phase::ask,
          .answer = test::http_answer(status, "", "Location: " + other.url() + "/\r\n")}});
    const test::Finished finished = put(server_.url(), {dataset, path_});
    EXPECT_EQ(finished.status, 1);
    EXPECT_THAT(finished.err, HasSubstr("redirect"));
  }
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(Token, IsNotSentOverPlainHttpToOtherMachines) {
  for (const char* url :
       {"http://databank.illinois.edu", "http://192.0.2.1:1", "http://127.0.0.1.example.com",
        "http://localhost.example.com", "http://[2001:db8::1]"})
    expect_refused(put(url, {dataset, path_}), "plain HTTP");
  expect_refused(put("http://me:secret@127.0.0.1:1", {dataset, path_}), "user name or a password");
}

/// A proxy from the environment must not receive requests to this machine.
TEST_F(Token, IsNotSentToProxyForLoopback) {
  ScriptedServer proxy;
  expect_sent(put(server_.url(), {dataset, path_},
                  {{"SLUICE_TOKEN", token},
                   {"http_proxy", proxy.url()},
                   {"all_proxy", proxy.url()},
                   {"ALL_PROXY", proxy.url()}}));
  EXPECT_EQ(proxy.connections(), 0);
}

/// With --insecure-http the name is tried, as this test's proxy shows without a network.
TEST_F(Token, IsSentOverPlainHttpWithInsecureHttp) {
  ScriptedServer proxy;
  const test::Finished finished =
      put("http://databank.invalid", {"--insecure-http", dataset, path_},
          {{"SLUICE_TOKEN", token}, {"http_proxy", proxy.url()}});
  EXPECT_NE(finished.status, 2) << finished.err;
  EXPECT_GE(proxy.count(Phase::ask), 1);
}

}  // namespace
}  // namespace sluice::e2e::token_test
