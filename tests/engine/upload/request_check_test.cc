#include "engine/upload/request_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::request_check_test {
namespace {

using testing::HasSubstr;

class CheckRequest : public testing::Test {
 protected:
  CheckRequest() {
    request_.base_url = "https://databank.example/";
    request_.dataset = "IDB-1";
    request_.token = Secret("0123456789abcdef");
    request_.path = "/nowhere/scan.h5";
    request_.name = "scan.h5";
  }

  void expect_usage(const std::string& message) {
    const auto checked = check_request(request_);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, ErrorKind::usage);
    EXPECT_THAT(checked.error().message, HasSubstr(message));
  }

  UploadRequest request_;
};

TEST_F(CheckRequest, NormalisesAddress) {
  const auto checked = check_request(request_);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->base_url, "https://databank.example");
  EXPECT_EQ(checked->name, "scan.h5");
}

TEST_F(CheckRequest, AcceptsPlainHttp) {
  request_.base_url = "http://databank.example";
  EXPECT_TRUE(check_request(request_));
}

TEST_F(CheckRequest, RejectsInvalidAddress) {
  request_.base_url = "databank";
  expect_usage("databank");
}

TEST_F(CheckRequest, RejectsInvalidKey) {
  request_.dataset = "IDB/1";
  expect_usage("IDB/1");
}

TEST_F(CheckRequest, RejectsEmptyName) {
  request_.name.clear();
  expect_usage("name");
}

TEST_F(CheckRequest, RejectsTokenWithLineBreak) {
  request_.token = Secret("0123\r\n");
  expect_usage("token");
}

TEST_F(CheckRequest, RejectsTooManyPipelinedChunks) {
  request_.lookahead = most_lookahead;
  EXPECT_TRUE(check_request(request_));
  request_.lookahead = most_lookahead + 1;
  expect_usage("cannot pipeline 17 chunks: the maximum of --lookahead is 16");
}

TEST_F(CheckRequest, ReportsFirstError) {
  request_.lookahead = most_lookahead + 1;
  request_.base_url = "databank";
  expect_usage("--lookahead");
}

}  // namespace
}  // namespace sluice::request_check_test
