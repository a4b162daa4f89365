// Front servers that respond instead of the Data Bank.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/databankd/databankd_tus_fixture.h"

namespace sluice::front_test {
namespace {

using test::Arguments;
using test::HttpReply;
using test::Reply;
using test::operator+;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class FrontServer : public test::Tus {
 protected:
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
  /// Expects a front server's page: HTML, without headers of a tus server or the Data Bank.
  static void expect_page(const HttpReply& reply, int status) {
    EXPECT_EQ(reply.status, status);
    EXPECT_EQ(reply.header("content-type"), "text/html");
    EXPECT_THAT(reply.body, StartsWith("<html>"));
    EXPECT_THAT(reply.body, HasSubstr(std::to_string(status)));
    for (const char* name : {"tus-resumable", "tus-version", "upload-offset", "upload-length",
                             "location", "www-authenticate"})
      EXPECT_EQ(reply.headers.count(name), 0U) << name;
  }
  HttpReply deposit() const {
    return request("POST", "/api/dataset/IDB-1/datafile",
                   {{"Content-Type", "multipart/form-data; boundary=limit"}},
                   "--limit\r\nContent-Disposition: form-data; name=\"binary\"; "
                   "filename=\"b\"\r\n\r\nabc\r\n--limit--\r\n");
  }
};

TEST_F(FrontServer, RespondsAfterProcessedTusRequests) {
  start_with({"answer:502,at=1,on=options", "answer:504,at=1,on=create", "answer:404,at=1,on=patch",
              "answer:403,at=1,on=head", "answer:429,at=1,on=register", "answer:502,at=1,on=join",
              "answer:401,at=1,on=binary", "answer:499,at=1,on=delete"});
  expect_page(request("OPTIONS", "/files/"), 502);
  expect_page(request("POST", "/files/", {{"Upload-Length", "3"}}), 504);
  const std::string upload = create("3", {{"Upload-Concat", "partial"}});
  expect_page(patch(upload, 0, "abc"), 404);
  EXPECT_EQ(request("HEAD", upload).status, 403);
  EXPECT_EQ(offset(upload), 3);
  const HttpReply often = register_upload("a", upload);
  expect_page(often, 429);
  EXPECT_EQ(often.header("retry-after"), "1");
  ASSERT_THAT(registered(), SizeIs(1));
  EXPECT_EQ(registered()[0]["name"], "a");
  expect_page(request("POST", "/files/", {{"Upload-Concat", "final;" + upload}}), 502);
  EXPECT_EQ(offset(upload), -1);  // it was joined
  expect_page(deposit(), 401);
  EXPECT_THAT(registered(), SizeIs(2));
  const std::string other = create("3");
  EXPECT_EQ(request("DELETE", other).status, 499);
  EXPECT_EQ(offset(other), -1);
  expect_summary(
      "answer:502 2, answer:504 1, answer:404 1, answer:403 1, answer:429 1, answer:401 1, "
      "answer:499 1");
}

TEST_F(FrontServer, RespondsAfterProcessedPhasedCalls) {
  start_with({"answer:500,at=1,on=setup", "answer:200,at=1,on=transfer", "answer:403,at=1,on=ask",
              "answer:504,at=1,on=verify", "answer:404,at=2,on=probe"});
  EXPECT_EQ(setup("a").content_type, "text/html");
  EXPECT_EQ(progress("a"), 0);
  const Reply sent = transfer("a", 0, chunk_file("abc"));
  EXPECT_EQ(sent.status, 200);
  EXPECT_THAT(sent.body, HasSubstr("<h1>200 OK</h1>"));
  EXPECT_EQ(progress("a"), -1);  // 404
  EXPECT_EQ(progress("a"), 3);
  EXPECT_EQ(call({"-d", "phase=setup", "-d", "filename=a"}).status, 403);
  EXPECT_EQ(verify("a").status, 504);
  ASSERT_THAT(registered(), SizeIs(1));
  EXPECT_EQ(registered()[0]["size"], 3);
}

// The front lasts a day here; faults_test.cc tests its end with a simulated clock.
TEST_F(FrontServer, RespondsToEveryRequestForATime) {
  start_with({"front:404:86400s,at=4"});
  const std::string upload = create("6");
  EXPECT_EQ(patch(upload, 0, "abc").status, 204);
  EXPECT_EQ(offset(upload), 3);
  expect_page(patch(upload, 3, "def"), 404);
  expect_page(request("OPTIONS", "/files/"), 404);
  expect_page(request("POST", "/files/", {{"Upload-Length", "3"}}), 404);
  EXPECT_EQ(request("HEAD", upload).status, 404);
  expect_page(request("DELETE", upload), 404);
  expect_page(register_upload("a", upload), 404);
  expect_page(deposit(), 404);
  EXPECT_EQ(setup("a").content_type, "text/html");
  EXPECT_EQ(verify("a").content_type, "text/html");
  expect_page(request("GET", "/datasets/IDB-1"), 404);  // any path
  EXPECT_THAT(registered(), IsEmpty());
  expect_summary("front:404:86400s 10");
  start();
  EXPECT_EQ(offset(upload), 3);  // the request was not processed
}

TEST_F(FrontServer, RespondsToOneStepForATime) {
  start_with({"front:502:86400s,on=register"});
  const std::string upload = create("3");
  EXPECT_EQ(patch(upload, 0, "abc").status, 204);
  expect_page(register_upload("a", upload), 502);
  expect_page(register_upload("a", upload), 502);
  EXPECT_EQ(offset(upload), 3);
  EXPECT_EQ(request("GET", "/").header("content-type"), "text/plain");
  EXPECT_THAT(registered(), IsEmpty());
  expect_summary("front:502:86400s 2");
}

TEST_F(FrontServer, StopsAfterItsTime) {
  start_with({"front:502:100ms", "front:404:0,on=patch"});
  HttpReply reply = request("OPTIONS", "/files/");
  expect_page(reply, 502);
  while (reply.status == 502) reply = request("OPTIONS", "/files/");
  EXPECT_EQ(reply.header("tus-version"), "1.0.0");
  const std::string upload = create("3");
  expect_page(patch(upload, 0, "abc"), 404);
  EXPECT_EQ(patch(upload, 0, "abc").status, 204);
}

TEST_F(FrontServer, RespondsForServerWithoutTus) {
  start_with({"front:404:86400s"}, {"--protocols", "phased"});
  expect_page(request("OPTIONS", "/files/"), 404);
}

TEST_F(FrontServer, CompressesResponsesWithoutRequest) {
  start_with({"gzip"});
  const HttpReply reply = request("PATCH", "/files/0", {{"Upload-Offset", "0"}});
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.header("content-encoding"), "gzip");
  EXPECT_EQ(reply.header("content-length"), std::to_string(reply.body.size()));
  EXPECT_THAT(reply.body, StartsWith("\x1f\x8b"));
  EXPECT_EQ(request("OPTIONS", "/files/").headers.count("content-encoding"), 0U);  // no body
  const Reply set_up =
      call({"--compressed", "-d", "phase=setup", "-d", "filename=a", "-d", "filesize=3"});
  EXPECT_EQ(set_up.body, "successfully set up a");
  EXPECT_THAT(setup("a").body, StartsWith("\x1f\x8b"));
}

TEST_F(FrontServer, SendsTwoLocations) {
  start_with({"two-locations,on=create"});
  const UniqueFd fd = connect();
  send(fd, bytes_of("POST", "/files/", {{"Upload-Length", "3"}}));
  const std::string answer = receive_until(fd, "");
  const std::size_t first = answer.find("Location: ");
  ASSERT_NE(first, std::string::npos);
  const std::size_t second = answer.find("Location: ", first + 1);
  ASSERT_NE(second, std::string::npos);
  const auto line = [&](std::size_t at) { return answer.substr(at, answer.find("\r\n", at) - at); };
  EXPECT_NE(line(first), line(second));
}

TEST_F(FrontServer, KeepsServerHeaders) {
  start_with({"status:507:quota exceeded,on=patch", "status:413:no room: 2 TB,on=verify"});
  const std::string upload = create("3");
  const HttpReply reply = patch(upload, 0, "abc");
  EXPECT_EQ(reply.status, 507);
  EXPECT_EQ(reply.body, "quota exceeded\n");
  EXPECT_EQ(reply.header("tus-resumable"), "1.0.0");
  EXPECT_EQ(offset(upload), 0);
  setup("a");
  const Reply verified = verify("a");
  EXPECT_EQ(verified.status, 413);
  EXPECT_EQ(verified.body, "no room: 2 TB\n");
  EXPECT_THAT(verified.content_type, StartsWith("application/json"));
  EXPECT_THAT(registered(), IsEmpty());
}

}  // namespace
}  // namespace sluice::front_test
