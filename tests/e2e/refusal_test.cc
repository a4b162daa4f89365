// Permanent refusals, load balancers with a cookie, and compressed responses.
#include <fmt/format.h>

#include "tests/e2e/e2e.h"
#include "tests/support/scripted_server.h"

namespace sluice::e2e::refusal_test {
namespace {

using nlohmann::json;
using test::Fault;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using testing::HasSubstr;
using testing::Not;

class Refusal : public testing::Test {
 protected:
  Refusal() {
    test::write_file(path_, test::random_bytes(3'000'000, 4));
    test::write_file(other_, test::random_bytes(100'000, 5));
  }
  test::Finished upload(const std::string& url, const Arguments& more) {
    Arguments all{"--state-dir", state_.path(), "--block", "64K", "--pool", "4M"};
    all.insert(all.end(), more.begin(), more.end());
    return put(url, all);
  }

  test::TempDir directory_;
  test::TempDir state_;
  const std::string path_ = directory_ / "scan.h5";
  const std::string other_ = directory_ / "other.h5";
};

/// A firewall that rejects certain bytes fails one file; the next one is uploaded.
TEST_F(Refusal, OfOneChunkDoesNotAffectOtherFiles) {
  test::write_file(path_, test::random_bytes(6'000'000, 4));
  ScriptedServer server(
      {{.phase = Phase::options,
        .occurrence = -1,
        .answer = "HTTP/1.1 204 No Content\r\nTus-Version: 1.0.0\r\n"
                  "Tus-Extension: creation\r\n\r\n"},
       {.phase = Phase::patch,
        .occurrence = -1,
        .offset = 5 << 20,
        .answer = http_answer(403, "<title>Request Rejected</title>", "Server: fw/1\r\n")}});
  const auto finished =
      upload(server.url(), {"--protocol", "tus", "--json", "--retries", "1", "--chunk", "5M",
                            "--transfers", "1", dataset, path_, other_});
  EXPECT_EQ(finished.status, 1) << finished.err;
  const json uploads = report_of(finished).at("uploads");
  EXPECT_EQ(uploads.at(0).at("status"), "failed");
  EXPECT_EQ(uploads.at(0).at("resumable"), true);
  EXPECT_EQ(uploads.at(1).at("status"), "registered") << finished.err;
  const std::string message = uploads.at(0).at("error").at("message").get<std::string>();
  for (const char* says : {"HTTP 403", "Request Rejected", "at offset 5242880 (PATCH)", "'fw/1'",
                           "firewall", "the server has 5.00 MiB of ", "sluice resume "})
    EXPECT_THAT(message, HasSubstr(says));
}

TEST_F(Refusal, OfTlsIsReportedAtOnce) {
  Bank bank;
  const auto finished = upload("https" + bank.url().substr(4), {"--retries", "9", dataset, path_});
  EXPECT_EQ(finished.status, 7);
  EXPECT_THAT(finished.err, HasSubstr("does not speak TLS"));
  // libmicrohttpd sees a request in the random bytes of a handshake only if they contain a line
  // end; otherwise it closes the connection.
  if (finished.err.find("perhaps") == std::string::npos) {
    EXPECT_THAT(finished.err, Not(HasSubstr("retrying in")));
  }
}

/// Without the cookie, every other request reaches a back end without the upload.
TEST_F(Refusal, CookieBindsUploadToBackEnd) {
  for (const char* protocol : {"tus", "phased"}) {
    Bank bank({"--backends", "2", "--protocols", protocol});
    const auto finished = upload(
        bank.url(), {"--protocol", protocol, "--chunk", "1M", "--retries", "2", dataset, path_});
    EXPECT_EQ(finished.status, 0) << protocol << finished.err;
    EXPECT_THAT(finished.err, Not(HasSubstr("retrying in"))) << protocol;
    EXPECT_THAT(finished.err, Not(HasSubstr("from the beginning"))) << protocol;
    EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
    EXPECT_EQ(bank.registered().size(), 1U);
  }
}

TEST_F(Refusal, CompressedResponseIsNoRefusal) {
  for (const char* protocol : {"tus", "phased", "binary"}) {
    Bank bank({"--protocols", protocol, "--fault", "gzip,every=1,on=any"});
    const auto finished =
        upload(bank.url(), {"--protocol", protocol, "--chunk", "1M", dataset, path_});
    EXPECT_EQ(finished.status, 0) << protocol << finished.err;
    EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
  }
}

}  // namespace
}  // namespace sluice::e2e::refusal_test
