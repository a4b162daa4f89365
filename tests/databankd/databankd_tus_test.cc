// databankd under /files: tokens, announced extensions, and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/databankd/databankd_tus_fixture.h"

namespace sluice::tus_test {
namespace {

using test::Headers;
using test::HttpReply;
using test::Tus;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

TEST_F(Tus, AnnouncesExtensions) {
  start();
  for (const char* path : {"/files", "/files/", "/files/any"}) {
    const HttpReply reply = request("OPTIONS", path, {{"Tus-Resumable", ""}});
    EXPECT_EQ(reply.status, 204) << path;
    EXPECT_EQ(reply.header("tus-version"), "1.0.0");
    EXPECT_EQ(reply.header("tus-resumable"), "1.0.0");
    EXPECT_EQ(reply.header("tus-extension"),
              "creation,creation-defer-length,termination,expiration,concatenation,checksum");
    EXPECT_EQ(reply.header("tus-max-size"), "2199023255552");
    EXPECT_EQ(reply.header("tus-checksum-algorithm"), "sha1,sha256,sha384,sha512,md5,crc32");
  }
}

TEST_F(Tus, AnnouncesConfiguredExtensions) {
  start({"--tus-extensions", "creation", "--tus-max-size", "50G"});
  const HttpReply reply = request("OPTIONS", "/files/");
  EXPECT_EQ(reply.header("tus-extension"), "creation");
  EXPECT_EQ(reply.header("tus-max-size"), "53687091200");
  EXPECT_EQ(reply.headers.count("tus-checksum-algorithm"), 0U);

  // An extension that is not announced does not work.
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Defer-Length", "1"}}).status, 400);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Concat", "final;/files/a"}}).status, 400);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Length", "53687091201"}}).status, 413);
  const HttpReply created = request("POST", "/files/", {{"Upload-Length", "53687091200"}});
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.headers.count("upload-expires"), 0U);
  const std::string upload = create("3");
  EXPECT_EQ(patch(upload, 0, "abc", {{"Upload-Checksum", "sha1 AAAA"}}).status, 204);
  EXPECT_EQ(request("DELETE", upload).status, 405);
  EXPECT_EQ(offset(upload), 3);
}

TEST_F(Tus, CreatesNothingWithoutCreation) {
  start({"--tus-extensions", "none"});
  EXPECT_EQ(request("OPTIONS", "/files/").headers.count("tus-extension"), 0U);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Length", "1"}}).status, 405);
}

TEST_F(Tus, RepeatsRequestWithoutToken) {
  test::write_file(files_ / "other", "hidden\n");
  start({"--verbose", "--dataset", "IDB-2=@" + (files_ / "other").string()});
  const std::string upload = create("1");
  for (const char* method : {"OPTIONS", "POST", "HEAD", "PATCH", "DELETE"}) {
    for (const char* token : {"", "Token token=wrong", "Bearer secret"}) {
      const std::string path = std::string(method) == "POST" ? "/files/" : upload;
      const HttpReply reply = request(method, path, {{"Authorization", token}});
      EXPECT_EQ(reply.status, 401) << method << token;
      EXPECT_EQ(reply.header("www-authenticate"), "Token token=[TOKEN FROM ILLINOIS DATA BANK]");
      EXPECT_THAT(reply.header("content-type"), StartsWith("text/html"));
      if (std::string(method) == "HEAD") continue;
      EXPECT_THAT(reply.body, StartsWith("---\nREQUEST_METHOD: " + std::string(method)));
      if (*token != '\0') {
        EXPECT_THAT(reply.body, HasSubstr("\nHTTP_AUTHORIZATION: " + std::string(token) + "\n"));
      }
    }
  }
  // The token of any dataset is accepted.
  EXPECT_EQ(request("HEAD", upload, {{"Authorization", "Token token=hidden"}}).status, 200);
  stop();
  EXPECT_THAT(server_->err(), HasSubstr("401 withheld"));
  EXPECT_THAT(server_->err(), Not(HasSubstr("token=")));
}

TEST_F(Tus, RejectsExpiredToken) {
  start({"--token-lifetime", "0"});
  EXPECT_EQ(request("OPTIONS", "/files/").status, 401);
}

TEST_F(Tus, RequiresVersion) {
  start();
  const std::string upload = create("1");
  for (const char* method : {"HEAD", "PATCH", "DELETE"}) {
    for (const char* version : {"", "0.2.2"}) {
      const HttpReply reply = request(method, upload, {{"Tus-Resumable", version}});
      EXPECT_EQ(reply.status, 412) << method;
      EXPECT_EQ(reply.header("tus-version"), "1.0.0");
    }
  }
  EXPECT_EQ(offset(upload), 0);
}

TEST_F(Tus, DescribesUpload) {
  start();
  const HttpReply created = request(
      "POST", "/files", {{"Upload-Length", "5"}, {"Upload-Metadata", "filename YS5i,empty"}});
  EXPECT_EQ(created.status, 201);
  EXPECT_THAT(created.header("location"), MatchesRegex("http://localhost/files/[0-9a-f]{32}"));
  constexpr const char* date =
      "[A-Z][a-z][a-z], [0-9]{2} [A-Z][a-z][a-z] 20[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT";
  EXPECT_THAT(created.header("upload-expires"), MatchesRegex(date));

  const HttpReply head =
      request("HEAD", created.header("location").substr(std::string("http://localhost").size()));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("upload-offset"), "0");
  EXPECT_EQ(head.header("upload-length"), "5");
  EXPECT_EQ(head.header("upload-metadata"), "filename YS5i,empty");
  EXPECT_EQ(head.header("cache-control"), "no-store");
  EXPECT_THAT(head.header("upload-expires"), MatchesRegex(date));
  EXPECT_EQ(head.headers.count("upload-defer-length"), 0U);
  EXPECT_EQ(head.headers.count("upload-concat"), 0U);
}

TEST_F(Tus, RejectsInvalidCreations) {
  start();
  const std::vector<std::pair<Headers, int>> wrong = {
      {{}, 400},
      {{{"Upload-Length", "x"}}, 400},
      {{{"Upload-Length", "-1"}}, 400},
      {{{"Upload-Length", "2199023255553"}}, 413},
      {{{"Upload-Defer-Length", "2"}}, 400},
      {{{"Upload-Length", "1"}, {"Upload-Metadata", "filename a.b"}}, 400},
      {{{"Upload-Length", "1"}, {"Upload-Metadata", "a YQ==,a YQ=="}}, 400},
      {{{"Upload-Length", "1"}, {"Upload-Concat", "half"}}, 400},
      {{{"Upload-Concat", "final;"}}, 400},
  };
  for (const auto& [headers, status] : wrong)
    EXPECT_EQ(request("POST", "/files/", headers).status, status)
        << testing::PrintToString(headers);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Length", "2199023255552"}}).status, 201);
}

TEST_F(Tus, RejectsUnknownUploadsAndMethods) {
  start();
  for (const char* method : {"HEAD", "DELETE"})
    EXPECT_EQ(request(method, "/files/0123").status, 404);
  EXPECT_EQ(patch("/files/0123", 0, "a").status, 404);
  EXPECT_EQ(patch("/files/../registered.jsonl", 0, "a").status, 404);
  EXPECT_EQ(request("GET", create("1")).status, 405);
  EXPECT_EQ(request("PATCH", "/files/").status, 405);
}

TEST_F(Tus, SendsConfiguredLocation) {
  const auto location = [&](const char* how, const Headers& headers = {}) {
    start({"--location", how});
    Headers all = headers;
    all["Upload-Length"] = "1";
    const std::string text = request("POST", "/files/", all).header("location");
    stop();
    server_.reset();
    return text;
  };
  const Headers behind_tls = {{"X-Forwarded-Proto", "https"}, {"Host", "data.example"}};
  EXPECT_THAT(location("absolute", behind_tls), StartsWith("https://data.example/files/"));
  EXPECT_THAT(location("http", behind_tls), StartsWith("http://data.example/files/"));
  EXPECT_THAT(location("relative", behind_tls), StartsWith("/files/"));
  EXPECT_THAT(location("https://other.example:1"), StartsWith("https://other.example:1/files/"));
}

TEST_F(Tus, ExpiresUploadsAfterLifetime) {
  start({"--tus-expires", "0"});
  const std::string upload = create("3");
  EXPECT_EQ(request("HEAD", upload).status, 410);
  EXPECT_EQ(patch(upload, 0, "abc").status, 410);
  EXPECT_EQ(request("DELETE", upload).status, 410);
  EXPECT_EQ(register_upload("a", upload).status, 400);
  EXPECT_TRUE(std::filesystem::is_empty(store_ / ".tus"));
}

TEST_F(Tus, AcceptsMethodOverride) {
  start();
  const std::string upload = create("3");
  const HttpReply reply = request("POST", upload,
                                  {{"X-HTTP-Method-Override", "PATCH"},
                                   {"Content-Type", "application/offset+octet-stream"},
                                   {"Upload-Offset", "0"}},
                                  "abc");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.header("upload-offset"), "3");
}

}  // namespace
}  // namespace sluice::tus_test
