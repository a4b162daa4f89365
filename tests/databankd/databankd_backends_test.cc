// databankd as two back ends behind a load balancer with a cookie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/databankd/databankd_tus_fixture.h"

namespace sluice::backends_test {
namespace {

using test::Headers;
using test::HttpReply;
using testing::SizeIs;
using testing::StartsWith;

class TwoBackEnds : public test::Tus {
 protected:
  static Headers cookie(const std::string& number) { return {{"Cookie", "BACKEND=" + number}}; }
  HttpReply form(const std::string& fields, const std::string& number) const {
    return request("POST", "/api/dataset/IDB-1/datafile",
                   {{"Content-Type", "application/x-www-form-urlencoded"},
                    {"Cookie", "a=b; BACKEND=" + number}},
                   fields);
  }
};

TEST_F(TwoBackEnds, DistributesRequestsWithoutCookie) {
  start_tus({"--backends", "2"});
  const HttpReply created = request("POST", "/files/", {{"Upload-Length", "3"}});
  EXPECT_EQ(created.header("set-cookie"), "BACKEND=1; Path=/");
  const std::string location = created.header("location");
  const std::string upload = location.substr(location.find("/files/"));
  const HttpReply elsewhere = request("HEAD", upload);
  EXPECT_EQ(elsewhere.status, 404);
  EXPECT_EQ(elsewhere.header("tus-resumable"), "1.0.0");
  EXPECT_EQ(elsewhere.header("set-cookie"), "BACKEND=2; Path=/");
  EXPECT_EQ(request("HEAD", upload).status, 200);
  EXPECT_EQ(patch(upload, 0, "abc").status, 404);
  EXPECT_EQ(patch(upload, 0, "abc").status, 204);
  EXPECT_EQ(request("GET", "/").header("set-cookie"), "BACKEND=2; Path=/");
  EXPECT_EQ(request("HEAD", upload, cookie("3")).header("set-cookie"), "BACKEND=1; Path=/");
}

TEST_F(TwoBackEnds, KeepsClientWithCookieAtOne) {
  start_tus({"--backends", "2"});
  const std::string upload = create("3", cookie("2"));
  for (int i = 0; i < 2; ++i) {
    const HttpReply here = request("HEAD", upload, cookie("2"));
    EXPECT_EQ(here.status, 200);
    EXPECT_EQ(here.headers.count("set-cookie"), 0U);
    EXPECT_EQ(request("HEAD", upload, cookie("1")).status, 404);
  }
  EXPECT_EQ(patch(upload, 0, "abc", cookie("1")).status, 404);
  EXPECT_EQ(request("DELETE", upload, cookie("1")).status, 404);
  EXPECT_EQ(patch(upload, 0, "abc", cookie("2")).status, 204);
  const std::string fields = "filename=a&dataset_key=IDB-1&size=3&tus_url=" + upload;
  const HttpReply refused = form(fields, "1");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body, "Invalid TUS upload reference\n");
  EXPECT_EQ(form(fields, "2").status, 200);
  EXPECT_THAT(registered(), SizeIs(1));
}

TEST_F(TwoBackEnds, JoinsPartsOfOneBackEndOnly) {
  start_tus({"--backends", "2"});
  Headers headers = cookie("1");
  headers["Upload-Concat"] = "partial";
  const std::string part = create("0", headers);
  headers = cookie("2");
  headers["Upload-Concat"] = "final;" + part;
  EXPECT_EQ(request("POST", "/files/", headers).status, 400);
  headers["Cookie"] = "BACKEND=1";
  const HttpReply joined = request("POST", "/files/", headers);
  EXPECT_EQ(joined.status, 201);
  const std::string location = joined.header("location");
  const std::string whole = location.substr(location.find("/files/"));
  EXPECT_EQ(request("HEAD", whole, cookie("1")).status, 200);
  EXPECT_EQ(request("HEAD", whole, cookie("2")).status, 404);
}

TEST_F(TwoBackEnds, KeepStagedBytesAtOne) {
  start_tus({"--backends", "2"});
  EXPECT_EQ(form("phase=setup&filename=a&filesize=0", "2").status, 200);
  const std::string probe = "phase=transfer&filename=a&previous_size=-1&bytechunk=x";
  EXPECT_THAT(form(probe, "1").body, StartsWith("No such file or directory @ "));
  EXPECT_THAT(form("phase=verify&filename=a", "1").body, StartsWith("No such file or directory @"));
  EXPECT_THAT(form(probe, "2").body, StartsWith("{\"error\":\"Unexpected previous_size"));
  EXPECT_EQ(form("phase=verify&filename=a", "2").status, 200);
  // Registered files are visible at all back ends.
  EXPECT_THAT(form("phase=setup&filename=a", "1").body, StartsWith("File with the name a already"));
}

TEST_F(TwoBackEnds, OneSetsNoCookie) {
  start_tus();
  EXPECT_EQ(request("OPTIONS", "/files/").headers.count("set-cookie"), 0U);
}

}  // namespace
}  // namespace sluice::backends_test
