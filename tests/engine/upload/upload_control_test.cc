// Calls to a running upload from any thread: progress, cancel, wait.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/upload/upload_fixture.h"
#include "tests/support/scripted_server.h"

namespace sluice::upload_control_test {
namespace {

TEST_F(UploadTest, ProgressEndsAtFileSize) {
  server_.set_faults({{.phase = Phase::transfer, .occurrence = 1, .then = Then::hold}});
  auto upload = start(request());
  EXPECT_FALSE(upload->wait_until(std::chrono::steady_clock::now()));
  ASSERT_TRUE(server_.wait_for(Phase::transfer, 2));
  Progress progress = upload->progress();
  EXPECT_EQ(progress.total, file_size);
  EXPECT_EQ(progress.committed, chunk);
  EXPECT_GE(progress.sent, chunk);
  EXPECT_LE(progress.sent, 2 * chunk);
  server_.release();
  expect_registered(upload->wait());
  EXPECT_TRUE(upload->wait_until(std::chrono::steady_clock::now()));
  progress = upload->progress();
  EXPECT_EQ(progress.sent, file_size);
  EXPECT_EQ(progress.committed, file_size);
}

TEST_F(UploadTest, HandleIsThreadSafe) {
  auto upload = start(request());
  std::vector<std::thread> threads;
  std::atomic<int> registered{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      while (!upload->wait_until(std::chrono::steady_clock::now() + 1ms)) {
        const Progress progress = upload->progress();
        EXPECT_LE(progress.sent, progress.total);
        EXPECT_LE(progress.committed, progress.total);
      }
      if (upload->wait().status == Status::registered) ++registered;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(registered, 4);
}

TEST_F(UploadTest, ConcurrentCancelsEndUploadOnce) {
  for (int round = 0; round < 20; ++round) {
    // Another name each time: an upload that is cancelled during its registration may be
    // registered.
    auto asked = request();
    asked.name = std::to_string(round);
    auto upload = start(asked);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&] { upload->cancel(); });
    const Report report = upload->wait();
    for (std::thread& thread : threads) thread.join();
    if (report.status == Status::registered) break;  // the upload was faster
    EXPECT_EQ(report.status, Status::interrupted);
  }
  expect_next_upload_works();
}

TEST_F(UploadTest, CancelInMidChunkEndsUpload) {
  write("scan.h5", 24 << 20);
  server_.set_faults({{.phase = Phase::transfer, .after_body_bytes = 100'000, .then = Then::hold}});
  auto asked = request();
  asked.chunk_bytes = 24 << 20;
  auto upload = start(asked);
  ASSERT_TRUE(server_.wait_for(Phase::transfer));
  upload->cancel();
  expect_failed(upload->wait(), ErrorKind::interrupted, "interrupted at offset 0");
}

TEST_F(UploadTest, ImmediateCancelChangesNothingAtServer) {
  server_.set_faults({{.phase = Phase::any, .then = Then::hold}});  // however late the cancel is
  auto upload = start(request());
  upload->cancel();
  const Report report = upload->wait();
  upload.reset();
  EXPECT_EQ(server_.count(Phase::verify), 0);
  expect_failed(report, ErrorKind::interrupted);
}

}  // namespace
}  // namespace sluice::upload_control_test
