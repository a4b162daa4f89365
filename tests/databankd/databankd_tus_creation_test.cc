// creation-with-upload: a POST that creates an upload and has bytes of the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/databankd/databankd_tus_fixture.h"

namespace sluice::tus_creation_test {
namespace {

using test::Arguments;
using test::Headers;
using test::HttpReply;
using test::xxh128;
using test::operator+;
using testing::HasSubstr;

/// The parameter: whether the server discards the bytes.
class TusCreation : public test::Tus, public testing::WithParamInterface<bool> {
 protected:
  TusCreation() { discards_ = GetParam(); }

  void start_with(const std::string& fault = {}, const Arguments& more = {}) {
    Arguments arguments = more + Arguments{"--tus-extensions",
                                           "creation,creation-with-upload,checksum,concatenation"};
    if (!fault.empty()) arguments = arguments + Arguments{"--fault", fault};
    start_tus(arguments);
  }
  HttpReply create_with(const std::string& body, const Headers& more = {}) const {
    Headers headers = {{"Upload-Length", "6"}, {"Content-Type", "application/offset+octet-stream"}};
    for (const auto& [name, value] : more) headers[name] = value;
    return request("POST", "/files/", headers, body);
  }
  static std::string path_of(const HttpReply& reply) {
    const std::string location = reply.header("location");
    return location.substr(std::min(location.find("/files/"), location.size()));
  }
  /// Registers the upload, and expects that content.
  void expect_content(const std::string& upload, const std::string& content) {
    EXPECT_EQ(register_upload("result", upload).status, 200);
    const auto lines = registered();
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.back()["size"], content.size());
    EXPECT_EQ(lines.back()["xxh128"], xxh128(content));
    if (!discards_) {
      EXPECT_EQ(stored("result"), content);
    }
  }
  /// Returns the number of uploads in the store.
  int uploads() const {
    int found = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store_.path()))
      if (entry.path().extension() == ".info") ++found;
    return found;
  }
};

INSTANTIATE_TEST_SUITE_P(, TusCreation, testing::Bool(),
                         [](const auto& param) { return param.param ? "discarding" : "storing"; });

TEST_P(TusCreation, AcceptsWholeFile) {
  start_with();
  EXPECT_EQ(request("OPTIONS", "/files/").header("tus-extension"),
            "creation,creation-with-upload,concatenation,checksum");
  const HttpReply reply = create_with("abcdef");
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.header("upload-offset"), "6");
  EXPECT_EQ(reply.header("tus-resumable"), "1.0.0");
  EXPECT_EQ(offset(path_of(reply)), 6);
  expect_content(path_of(reply), "abcdef");
}

TEST_P(TusCreation, AcceptsBeginning) {
  start_with();
  const HttpReply reply = create_with("abc");
  EXPECT_EQ(reply.header("upload-offset"), "3");
  EXPECT_EQ(patch(path_of(reply), 3, "def").header("upload-offset"), "6");
  expect_content(path_of(reply), "abcdef");
}

TEST_P(TusCreation, AcceptsPartOfFile) {
  start_with();
  const HttpReply part = create_with("abcdef", {{"Upload-Concat", "partial"}});
  EXPECT_EQ(part.header("upload-offset"), "6");
  const HttpReply joined =
      request("POST", "/files/", {{"Upload-Concat", "final;" + path_of(part)}});
  expect_content(path_of(joined), "abcdef");
}

TEST_P(TusCreation, CreatesFileInLazyStore) {
  start_with({}, {"--lazy-uploads"});
  expect_content(path_of(create_with("abcdef")), "abcdef");
}

TEST_P(TusCreation, KeepsNothingBelowMinimumPartSize) {
  start_with({}, {"--part-min", "4"});
  const HttpReply reply = create_with("abc");
  EXPECT_EQ(reply.header("upload-offset"), "0");
  EXPECT_EQ(create_with("abcdef").header("upload-offset"), "6") << "it reaches the end";
}

TEST_P(TusCreation, IgnoresBytesIfNotAnnounced) {
  start_tus();
  EXPECT_THAT(request("OPTIONS", "/files/").header("tus-extension"),
              testing::Not(HasSubstr("creation-with-upload")));
  const HttpReply reply = create_with("abcdef");
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.headers.count("upload-offset"), 0U);
  EXPECT_EQ(offset(path_of(reply)), 0);
}

TEST_P(TusCreation, IgnoresBodyOfOtherType) {
  start_with();
  const HttpReply reply = create_with("abcdef", {{"Content-Type", "application/octet-stream"}});
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.headers.count("upload-offset"), 0U);
  EXPECT_EQ(offset(path_of(reply)), 0);
}

TEST_P(TusCreation, RejectsInvalidCreationAndPatch) {
  start_with();
  EXPECT_EQ(create_with("abcdef", {{"Upload-Length", "5"}}).status, 413);
  EXPECT_EQ(create_with("abcdef", {{"Upload-Length", ""}}).status, 400);
  EXPECT_EQ(create_with("abcdef", {{"Upload-Metadata", "a b c"}}).status, 400);
  EXPECT_EQ(create_with("abcdef", {{"Upload-Checksum", "sha9 AAAA"}}).status, 400);
  EXPECT_EQ(create_with("abcdef", {{"Tus-Resumable", "0.1"}}).status, 412);
  EXPECT_EQ(create_with("abcdef", {{"Authorization", "Token token=x"}}).status, 401);
  EXPECT_EQ(uploads(), 0);
}

TEST_P(TusCreation, ComparesChecksum) {
  start_with();
  const Headers checksum = {{"Upload-Checksum", "sha1 H4rBDyPFtbwRZ72oS4M+XAV6d9I="}};
  EXPECT_EQ(create_with("abcdeX", checksum).status, 460);
  EXPECT_EQ(uploads(), 0) << "the client did not receive its address";
  const HttpReply reply = create_with("abcdef", checksum);
  EXPECT_EQ(reply.header("upload-offset"), "6");
  expect_content(path_of(reply), "abcdef");
}

TEST_P(TusCreation, LosesRequest) {
  start_with("lose-request,at=1,on=create-with-upload");
  EXPECT_EQ(create_with("abcdef").status, 0);
  EXPECT_EQ(uploads(), 0);
  expect_content(path_of(create_with("abcdef")), "abcdef");
}

TEST_P(TusCreation, LosesResponse) {
  start_with("lose-response,on=create-with-upload");
  EXPECT_EQ(create_with("abcdef").status, 0);
  EXPECT_EQ(uploads(), discards_ ? 0 : 1);
}

TEST_P(TusCreation, IsNotStruckByFaultsOfCreate) {
  start_with("status:503,on=create");
  EXPECT_EQ(create_with("abcdef").status, 201);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Length", "6"}}).status, 503);
}

TEST_P(TusCreation, DropsBytes) {
  start_with("stuck,at=1");
  const HttpReply reply = create_with("abcdef");
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.header("upload-offset"), "0");
  EXPECT_EQ(patch(path_of(reply), 0, "abcdef").header("upload-offset"), "6");
  expect_content(path_of(reply), "abcdef");
}

TEST_P(TusCreation, KeepsPartAndReportsOffset) {
  start_with("short-append,every=1");
  const HttpReply reply = create_with("abcdef");
  const std::uint64_t kept = std::stoull(reply.header("upload-offset"));
  EXPECT_GE(kept, 1U);
  EXPECT_LE(kept, 5U);
  EXPECT_EQ(offset(path_of(reply)), static_cast<std::int64_t>(kept));
  std::uint64_t at = kept;
  while (at < 5)  // one byte cannot be cut
    at = std::stoull(
        patch(path_of(reply), at, std::string("abcdef").substr(at)).header("upload-offset"));
  EXPECT_EQ(at, 5U);
}

TEST_P(TusCreation, KeepsPartWithoutResponse) {
  start_with("partial-append,at=1");
  EXPECT_EQ(create_with("abcdef").status, 0);
  EXPECT_EQ(uploads(), discards_ ? 0 : 1);
  expect_content(path_of(create_with("abcdef")), "abcdef");
}

TEST_P(TusCreation, ReportsWrongChecksum) {
  start_with("checksum,at=1");
  EXPECT_EQ(create_with("abcdef").status, 460);
  EXPECT_EQ(uploads(), 0);
}

}  // namespace
}  // namespace sluice::tus_creation_test
