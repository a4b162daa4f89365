// databankd with a limited number of threads: tus requests need two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/databankd/databankd_tus_fixture.h"

namespace sluice::threads_test {
namespace {

namespace fs = std::filesystem;
using test::HttpReply;
using testing::HasSubstr;
using testing::StartsWith;

class FewThreads : public test::Tus {
 protected:
  /// Starts a PATCH and sends 3 of its 6 bytes. It holds a thread, and its token was checked.
  UniqueFd open_patch(const std::string& upload) const {
    UniqueFd fd = patch_partly(upload, 0, "abc", 3);
    const fs::path file = store_ / ".tus" / upload.substr(upload.rfind('/') + 1);
    while (fs::file_size(file) != 3) std::this_thread::yield();
    return fd;
  }
  static void finish_patch(const UniqueFd& fd) {
    send(fd, "def");
    EXPECT_THAT(receive_until(fd, ""), StartsWith("HTTP/1.1 204 "));
  }
};

TEST_F(FewThreads, ServeFourConcurrentTusRequestsWithFiveThreads) {
  start_tus({"--threads", "5", "--thread-wait", "10ms"});
  std::vector<std::string> uploads;
  for (int i = 0; i < 4; ++i) uploads.push_back(create("6"));
  std::vector<UniqueFd> patches;
  for (const std::string& upload : uploads) patches.push_back(open_patch(upload));
  // The fifth request has a thread, but none is left for its token check.
  for (const char* method : {"OPTIONS", "HEAD", "DELETE"}) {
    EXPECT_EQ(request(method, uploads[0]).status, 401) << method;
  }
  const HttpReply refused = request("POST", "/files/", {{"Upload-Length", "3"}});
  EXPECT_EQ(refused.status, 401);
  // Like the Data Bank's, the response repeats the request.
  EXPECT_THAT(refused.body, HasSubstr("REQUEST_METHOD: POST"));
  EXPECT_EQ(refused.headers.count("tus-resumable"), 0U);
  for (const UniqueFd& fd : patches) finish_patch(fd);
  EXPECT_EQ(offset(uploads[3]), 6);
}

TEST_F(FewThreads, OtherRequestsNeedOneThread) {
  start_tus({"--threads", "2", "--thread-wait", "10ms"});
  const std::string upload = create("6");
  const UniqueFd fd = open_patch(upload);
  EXPECT_EQ(request("HEAD", upload).status, 401);
  EXPECT_EQ(setup("a").status, 200);
  EXPECT_EQ(request("GET", "/").status, 404);
  finish_patch(fd);
  EXPECT_EQ(register_upload("b", upload).status, 200);
}

TEST_F(FewThreads, RequestWaitsForFreeThread) {
  start_tus({"--threads", "2", "--thread-wait", "10ms"});
  const std::string upload = create("6");
  const UniqueFd patch = open_patch(upload);
  const UniqueFd stalled = connect();  // holds the other thread
  const std::string transfer = test::transfer_request("0", "abc");
  send(stalled, transfer.substr(0, transfer.size() - 1));
  const UniqueFd waiting = connect();
  send(waiting, bytes_of("GET", "/"));
  finish_patch(patch);
  EXPECT_THAT(receive_until(waiting, ""), StartsWith("HTTP/1.1 404 "));
}

TEST_F(FewThreads, ServerEndsDespiteWaitingRequests) {
  start_tus({"--threads", "1"});
  const UniqueFd holding = connect();
  const std::string transfer = test::transfer_request("0", "abc");
  send(holding, transfer.substr(0, transfer.size() - 1));
  const UniqueFd waiting = connect();
  send(waiting, bytes_of("OPTIONS", "/files/"));
  stop();
}

}  // namespace
}  // namespace sluice::threads_test
