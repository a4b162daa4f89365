// The effect of each --fault on tus requests and on today's server: on the client and on the
// server's state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/databankd/databankd_tus_fixture.h"

namespace sluice::tus_struck_test {
namespace {

using test::Arguments;
using test::HttpReply;
using test::xxh128;
using test::operator+;
using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Lt;
using testing::Not;
using testing::SizeIs;

/// The parameter: whether the server discards the bytes.
class TusFaults : public test::Tus, public testing::WithParamInterface<bool> {
 protected:
  TusFaults() { discards_ = GetParam(); }

  void start_with(const Arguments& faults, const Arguments& more = {}) {
    Arguments arguments = more;
    for (const std::string& fault : faults) arguments = arguments + Arguments{"--fault", fault};
    start_tus(arguments);
  }
  void expect_summary(const std::string& summary) {
    stop();
    EXPECT_THAT(server_->out(), HasSubstr("\nfaults struck: " + summary + "\n"));
    server_.reset();
  }
  void expect_content(const std::string& upload, const std::string& content) {
    EXPECT_EQ(register_upload("a", upload).status, 200);
    EXPECT_EQ(registered().back()["xxh128"], xxh128(content));
    EXPECT_EQ(registered().back()["size"], content.size());
  }
  HttpReply deposit() const {
    return request("POST", "/api/dataset/IDB-1/datafile",
                   {{"Content-Type", "multipart/form-data; boundary=limit"}},
                   "--limit\r\nContent-Disposition: form-data; name=\"binary\"; "
                   "filename=\"a\"\r\n\r\nabc\r\n--limit--\r\n");
  }
};

INSTANTIATE_TEST_SUITE_P(, TusFaults, testing::Bool(),
                         [](const auto& param) { return param.param ? "discarding" : "storing"; });

TEST_P(TusFaults, LosesEachKindOfRequest) {
  start_with({"lose-request,at=1,on=options", "lose-request,at=1,on=create",
              "lose-request,at=1,on=head", "lose-request,at=1,on=patch",
              "lose-request,at=1,on=delete", "lose-request,at=1,on=join",
              "lose-request,at=1,on=register", "lose-request,at=1,on=binary"});
  EXPECT_EQ(request("OPTIONS", "/files/").status, 0);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Length", "3"}}).status, 0);
  const std::string upload = create("3");
  const std::string part = create("0", {{"Upload-Concat", "partial"}});
  EXPECT_EQ(request("HEAD", upload).status, 0);
  EXPECT_EQ(patch(upload, 0, "abc").status, 0);
  EXPECT_EQ(offset(upload), 0);
  EXPECT_EQ(request("DELETE", upload).status, 0);
  EXPECT_EQ(offset(upload), 0);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Concat", "final;" + part}}).status, 0);
  EXPECT_EQ(offset(part), 0);
  EXPECT_EQ(register_upload("a", upload).status, 0);
  EXPECT_EQ(deposit().status, 0);
  EXPECT_THAT(registered(), IsEmpty());
  EXPECT_EQ(patch(upload, 0, "abc").status, 204);
  expect_content(upload, "abc");
  EXPECT_EQ(deposit().status, 200);
  expect_summary("lose-request 8");
}

TEST_P(TusFaults, LosesResponses) {
  start_with({"lose-response,at=1,on=patch", "lose-response,at=1,on=register",
              "lose-response,at=1,on=binary", "lose-response,at=1,on=join"});
  const std::string upload = create("3", {{"Upload-Concat", "partial"}});
  EXPECT_EQ(patch(upload, 0, "abc").status, 0);
  EXPECT_EQ(offset(upload), 3);
  EXPECT_EQ(register_upload("a", upload).status, 0);
  EXPECT_EQ(deposit().status, 0);
  EXPECT_THAT(registered(), SizeIs(2));
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Concat", "final;" + upload}}).status, 0);
  EXPECT_EQ(offset(upload), -1);
  expect_summary("lose-response 4");
}

TEST_P(TusFaults, BreaksOffResponses) {
  start_with({"reset-mid-response,seed=1"});
  EXPECT_EQ(request("OPTIONS", "/files/").status, 0);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Length", "3"}}).status, 0);
  EXPECT_EQ(request("HEAD", "/files/0").status, 0);
  // The head is complete, because this response has a body.
  const HttpReply reply = deposit();
  EXPECT_THAT(reply.body.size(), Lt(std::stoul(reply.header("content-length"))));
  EXPECT_THAT(registered(), SizeIs(1));
  expect_summary("reset-mid-response 4");
}

TEST_P(TusFaults, KeepsBytesBeforeReset) {
  start_with({"reset-mid-body,at=1,on=patch,seed=5"});
  const std::string content = test::random_bytes(1 << 20, 1);
  const std::string upload = create(std::to_string(content.size()));
  const UniqueFd fd = connect();
  const std::string bytes = bytes_of(
      "PATCH", upload,
      {{"Content-Type", "application/offset+octet-stream"}, {"Upload-Offset", "0"}}, content);
  // The reset may arrive before everything is sent; a socket reports it once.
  bool was_reset = false;
  for (std::size_t done = 0; done < bytes.size() && !was_reset;) {
    const ssize_t put = ::send(fd.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    was_reset = put < 0;
    if (!was_reset) done += static_cast<std::size_t>(put);
  }
  std::array<char, 16> buffer{};
  EXPECT_TRUE(was_reset || ::recv(fd.get(), buffer.data(), buffer.size(), 0) < 0);
  const std::int64_t kept = offset(upload);
  EXPECT_THAT(kept, AllOf(Ge(1), Lt(1 << 20)));
  const auto begin = static_cast<std::uint64_t>(kept);
  EXPECT_EQ(patch_when_free(upload, begin, content.substr(begin)).status, 204);
  expect_content(upload, content);
  expect_summary("reset-mid-body 1");
}

TEST_P(TusFaults, AppendsPartOfPatch) {
  start_with({"partial-append,at=1,seed=3"});
  const std::string content = test::random_bytes(100000, 1);
  const std::string upload = create("100000");
  EXPECT_EQ(patch(upload, 0, content).status, 0);
  const std::int64_t kept = offset(upload);
  EXPECT_THAT(kept, AllOf(Ge(1), Lt(100000)));
  const auto begin = static_cast<std::uint64_t>(kept);
  EXPECT_EQ(patch(upload, begin, content.substr(begin)).status, 204);
  expect_content(upload, content);
  expect_summary("partial-append 1");
}

TEST_P(TusFaults, KeepsWholePartsOfCutPatch) {
  start_with({"partial-append,at=1,seed=3"}, {"--part-min", "1K"});
  const std::string upload = create("100000");
  EXPECT_EQ(patch(upload, 0, test::random_bytes(100000, 1)).status, 0);
  EXPECT_EQ(offset(upload) % 1024, 0);
}

TEST_P(TusFaults, KeepsOffsetLocksAndRejectsChecksum) {
  start_with({"stuck,at=1", "locked,at=2,on=patch", "checksum,at=3", "locked,at=1,on=delete"});
  const std::string upload = create("6");
  const HttpReply stuck = patch(upload, 0, "abc");
  EXPECT_EQ(stuck.status, 204);
  EXPECT_EQ(stuck.header("upload-offset"), "0");
  EXPECT_EQ(patch(upload, 0, "abc").status, 423);
  EXPECT_EQ(patch(upload, 0, "abc", {{"Upload-Checksum", "md5 kAFQmDzST7DWlj99KOF/cg=="}}).status,
            460);
  EXPECT_EQ(offset(upload), 0);
  EXPECT_EQ(request("DELETE", upload).status, 423);
  EXPECT_EQ(patch(upload, 0, "abcdef").header("upload-offset"), "6");
  expect_content(upload, "abcdef");
  expect_summary("stuck 1, locked 2, checksum 1");
}

TEST_P(TusFaults, ExpiresUploads) {
  const auto gone = [&](const char* fault, int status) {
    for (const char* step : {"head", "patch", "delete"}) {
      start_with({std::string(fault) + ",at=1,on=" + step});
      const std::string upload = create("3");
      const HttpReply reply = *step == 'h'   ? request("HEAD", upload)
                              : *step == 'p' ? patch(upload, 0, "abc")
                                             : request("DELETE", upload);
      EXPECT_EQ(reply.status, status) << fault << step;
      EXPECT_EQ(request("HEAD", upload).status, status);
      expect_summary(std::string(fault) + " 1");
    }
    start_with({std::string(fault) + ",on=join", std::string(fault) + ",on=register"});
    const std::string part = create("0", {{"Upload-Concat", "partial"}});
    const std::string upload = create("0");
    EXPECT_EQ(request("POST", "/files/", {{"Upload-Concat", "final;" + part}}).status, 400);
    EXPECT_EQ(request("HEAD", part).status, status);
    EXPECT_EQ(register_upload("a", upload).status, 400);
    EXPECT_EQ(request("HEAD", upload).status, status);
    expect_summary(std::string(fault) + " 2");
  };
  gone("expire", 410);
  gone("forget-staging", 404);
}

TEST_P(TusFaults, ExpiresToken) {
  start_with({"expire-token,at=1,on=patch"});
  const std::string upload = create("3");
  EXPECT_EQ(patch(upload, 0, "abc").status, 401);
  EXPECT_EQ(request("OPTIONS", "/files/").status, 401);
  EXPECT_EQ(register_upload("a", upload).status, 401);
}

TEST_P(TusFaults, RespondsWithStatus) {
  start_with({"status:503,at=1,on=patch", "status:502,at=1,on=register"});
  const std::string upload = create("3");
  const HttpReply reply = patch(upload, 0, "abc");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("retry-after"), "1");
  EXPECT_EQ(reply.headers.count("upload-offset"), 0U);
  EXPECT_EQ(offset(upload), 0);
  EXPECT_EQ(register_upload("a", upload).status, 502);
  EXPECT_THAT(registered(), IsEmpty());
}

TEST_P(TusFaults, RespondsWithGarbage) {
  start_with({"garbage-body,at=1,on=patch,seed=1", "huge-body,at=1,on=create"});
  EXPECT_THAT(request("POST", "/files/", {{"Upload-Length", "3"}}).body.size(), Ge(64U << 20));
  const std::string upload = create("3");
  const HttpReply reply = patch(upload, 0, "abc");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.size(), 4096U);
  EXPECT_EQ(reply.headers.count("upload-offset"), 0U);
  EXPECT_EQ(offset(upload), 3);
}

TEST_P(TusFaults, TimesOutWhenBodyPauses) {
  start_with({"tail-timeout:10ms,at=1,on=patch"});
  const std::string upload = create("6");
  UniqueFd fd = patch_partly(upload, 0, "abc", 3);
  EXPECT_THAT(receive_until(fd, "\r\n"), HasSubstr("408 Request Timeout"));
  // The received bytes count, and the upload is unlocked although the connection is open.
  EXPECT_EQ(patch(upload, 3, "def").status, 204);
  fd.reset();  // the server's end would wait for it
  expect_content(upload, "abcdef");
}

TEST_P(TusFaults, LogsStrikes) {
  start_with({"stuck,at=1"}, {"--verbose"});
  const std::string upload = create("3");
  patch(upload, 0, "abc");
  stop();
  EXPECT_THAT(server_->err(), HasSubstr("fault stuck: patch \"" + upload.substr(7) +
                                        "\", after 3 bytes of the body"));
  EXPECT_THAT(server_->err(), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace sluice::tus_struck_test
