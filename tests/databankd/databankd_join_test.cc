// Joins that S3 refuses, and slow joins.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/databankd/databankd_tus_fixture.h"
#include "tools/databankd/store/join_time.h"

namespace sluice::join_test {
namespace {

using namespace std::chrono_literals;
using test::Headers;
using test::HttpReply;

TEST(JoinTime, ParsesTimeAndSize) {
  using databankd::parse_join_time;
  EXPECT_EQ(parse_join_time("8s")->of(0), 8s);
  EXPECT_EQ(parse_join_time("8s")->of(std::uint64_t{1} << 40), 8s);
  EXPECT_EQ(parse_join_time("2s/1G")->of(std::uint64_t{3} << 29), 3s);
  EXPECT_EQ(parse_join_time("500ms/1K")->of(0), 0s);
  EXPECT_EQ(parse_join_time("86400s/1")->of(std::uint64_t{1} << 41), 720h);
  for (const char* text : {"", "8", "/1G", "8s/", "8s/0", "8s/x", "8s/1G/1G"})
    EXPECT_FALSE(parse_join_time(text)) << text;
}

class Join : public test::Tus {
 protected:
  std::string part(const std::string& content) const {
    const std::string upload =
        create(std::to_string(content.size()), {{"Upload-Concat", "partial"}});
    if (!content.empty()) {
      EXPECT_EQ(patch(upload, 0, content).status, 204);
    }
    return upload;
  }
  static Headers join_headers(const std::string& urls) {
    return {{"Upload-Concat", "final;" + urls}};
  }
  /// Polls with a PATCH at a wrong offset, which does not lock the upload.
  void wait_until_joining(const std::string& upload) const {
    while (patch(upload, 1, "x").status == 409) {
    }
  }
  HttpReply join(const std::string& urls) const {
    return request("POST", "/files/", join_headers(urls));
  }
};

TEST_F(Join, RejectsSmallPartsPermanently) {
  start_tus({"--part-min", "4"});
  const std::string small = part("abc");
  const std::string large = part("defg");
  for (int i = 0; i < 2; ++i) {
    const HttpReply refused = join(small + " " + large);
    EXPECT_EQ(refused.status, 500);
    EXPECT_EQ(refused.body,
              "Your proposed upload is smaller than the minimum allowed object size.\n");
    EXPECT_EQ(refused.header("tus-resumable"), "1.0.0");
  }
  EXPECT_EQ(offset(small), 3);
  EXPECT_EQ(offset(large), 4);
  // The last part may be small; a single part is the last one.
  const HttpReply joined = join(large + " " + small);
  EXPECT_EQ(joined.status, 201);
  const std::string location = joined.header("location");
  EXPECT_EQ(offset(location.substr(location.find("/files/"))), 7);
  EXPECT_EQ(join(part("h")).status, 201);
}

TEST_F(Join, CompletesWithoutClient) {
  start_tus({"--join-time", "300ms"});
  const std::string first = part("abc");
  const std::string second = part("def");
  {
    const UniqueFd fd = connect();
    send(fd, bytes_of("POST", "/files/", join_headers(first + " " + second)));
    wait_until_joining(first);
  }
  while (offset(first) == 3) {  // the offset is unchanged during the join
  }
  EXPECT_EQ(offset(first), -1);
  EXPECT_EQ(offset(second), -1);
}

TEST_F(Join, LocksPartsUntilDone) {
  start_tus({"--join-time", "86400s/6"});
  const std::string first = part("abc");
  const std::string second = part("def");
  const UniqueFd fd = connect();
  send(fd, bytes_of("POST", "/files/", join_headers(first + " " + second)));
  wait_until_joining(second);
  EXPECT_EQ(join(second).status, 423);
  EXPECT_EQ(offset(first), 3);
  EXPECT_EQ(request("DELETE", first).status, 423);
  EXPECT_EQ(register_upload("a", create("0")).status, 200);  // other requests are served meanwhile
  stop();                                                    // the server's end does not wait a day
  server_.reset();
}

TEST_F(Join, TakesTimeByPartSizes) {
  start_tus({"--join-time", "100ms/3"});
  const std::string urls = part("abc") + " " + part("def");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(join(urls).status, 201);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 200ms);
}

}  // namespace
}  // namespace sluice::join_test
