#include "engine/upload.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/upload/upload_fixture.h"
#include "tests/support/scripted_server.h"

/// The engine as a program uses it, with a server that follows the protocol.

namespace sluice::upload_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(UploadTest, UsesOneConnectionAndAnotherForVerify) {
  expect_registered(upload());
  const auto seen = server_.seen();
  std::vector<Phase> phases;
  std::uint64_t offset = 0;
  for (const auto& one : seen) {
    phases.push_back(one.phase);
    EXPECT_EQ(one.target, "/api/dataset/IDB-1234567/datafile");
    EXPECT_EQ(one.headers.at("authorization"), std::string("Token token=") + token);
    EXPECT_EQ(one.field("filename"), "scan.h5");
    if (one.phase != Phase::transfer) continue;
    EXPECT_EQ(one.field("previous_size"), std::to_string(offset));
    EXPECT_EQ(one.payload_size, std::min<std::uint64_t>(chunk, file_size - offset));
    offset += one.payload_size;
  }
  std::vector<Phase> expected{Phase::setup};
  expected.insert(expected.end(), chunks, Phase::transfer);
  expected.push_back(Phase::probe);
  expected.push_back(Phase::verify);
  EXPECT_EQ(phases, expected);
  EXPECT_EQ(seen[0].field("filesize"), std::to_string(file_size));
  EXPECT_EQ(server_.connections(), 2);
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(UploadTest, RegistersSizesAroundBlocksAndChunks) {
  for (const auto mode :
       {ReadMode::automatic, ReadMode::direct, ReadMode::mmap, ReadMode::buffered})
    for (const std::uint64_t chunk_bytes :
         {std::uint64_t{1000}, std::uint64_t{2 * block}, chunk, std::uint64_t{1} << 40})
      for (const std::uint64_t size :
           {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{block - 1}, std::uint64_t{block},
            std::uint64_t{block + 1}, 2 * block - std::uint64_t{1}, std::uint64_t{2 * block},
            2 * block + std::uint64_t{1}, chunk, 3 * chunk, 3 * chunk + 1}) {
        SCOPED_TRACE(fmt::format("{} of {} in {}", to_string(mode), size, chunk_bytes));
        const std::string name = fmt::format("{}-{}-{}", to_string(mode), size, chunk_bytes);
        write(name, size);
        auto asked = request(name);
        asked.read_mode = mode;
        asked.chunk_bytes = chunk_bytes;
        const Report report = start(asked)->wait();
        expect_registered(report, name);
        EXPECT_EQ(report.chunks, (size + chunk_bytes - 1) / chunk_bytes);
      }
}

TEST_F(UploadTest, SendsOnlySetupAndVerifyForEmptyFile) {
  write("empty", 0);
  expect_registered(start(request("empty"))->wait(), "empty");
  EXPECT_EQ(server_.count(Phase::transfer), 0);
  EXPECT_EQ(server_.count(Phase::setup), 1);
  EXPECT_EQ(server_.count(Phase::verify), 1);
}

TEST_F(UploadTest, DryRunOnlyAsksForName) {
  auto asked = request();
  asked.dry_run = true;
  const Report report = start(asked)->wait();
  EXPECT_EQ(report.status, Status::skipped);
  EXPECT_FALSE(report.error);
  EXPECT_EQ(server_.count(Phase::any), 1);
  EXPECT_EQ(server_.count(Phase::ask), 1);
}

TEST_F(UploadTest, DetectsTakenNameBeforeTransfer) {
  server_.add_file("scan.h5", "theirs");
  const Report report = upload();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::name_taken);
  EXPECT_THAT(report.error->message, HasSubstr("scan.h5"));
  EXPECT_EQ(server_.count(Phase::any), 1);
  EXPECT_EQ(server_.registered("scan.h5"), "theirs");
}

TEST_F(UploadTest, RejectsInvalidRequests) {
  const auto refused = [&](auto change, ErrorKind kind) {
    UploadRequest asked = request();
    change(asked);
    const auto upload = engine().start(asked);
    ASSERT_FALSE(upload);
    EXPECT_STREQ(to_string(upload.error().kind), to_string(kind)) << upload.error().message;
    EXPECT_THAT(upload.error().message, Not(HasSubstr(token)));
    EXPECT_THAT(upload.error().message, Not(HasSubstr("\n")));
  };
  for (const char* key : {"", "IDB-1/../x", "IDB-1?x", "IDB-1#", "a%2fb", "a b", "é"})
    refused([&](UploadRequest& asked) { asked.dataset = key; }, ErrorKind::usage);
  for (const char* name : {"", ".", "..", "a/b", "/", "a\nb", "\xff"})
    refused([&](UploadRequest& asked) { asked.name = name; }, ErrorKind::usage);
  for (const char* secret : {"", "a b", "a\r\nX: y", "\"", "\xff"})
    refused([&](UploadRequest& asked) { asked.token = Secret(secret); }, ErrorKind::usage);
  for (const char* url :
       {"", "databank", "ftp://host", "http://u:p@host", "https://host/?q", "file:///etc"})
    refused([&](UploadRequest& asked) { asked.base_url = url; }, ErrorKind::usage);
  refused([](UploadRequest& asked) { asked.lookahead = 17; }, ErrorKind::usage);
  refused([&](UploadRequest& asked) { asked.path = directory_ / "missing"; },
          ErrorKind::local_file);
  refused([&](UploadRequest& asked) { asked.path = directory_.path(); }, ErrorKind::local_file);
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  refused([&](UploadRequest& asked) { asked.path = directory_ / "fifo"; }, ErrorKind::local_file);
  refused([&](UploadRequest& asked) { asked.path = "/dev/null"; }, ErrorKind::local_file);
  EXPECT_EQ(server_.connections(), 0);
}

TEST(EngineOptionsTest, RejectsOptionsOutOfRange) {
  for (const auto& [pool, block_bytes] : {std::pair<std::size_t, std::size_t>{8192, 0},
                                          {8192, 1},
                                          {8192, 4095},
                                          {100'000, 4097},
                                          {4096, 4096},
                                          {8191, 4096},
                                          {0, 4096},
                                          {std::size_t{8} << 30, std::size_t{2} << 30}}) {
    EngineOptions options;
    options.pool_bytes = pool;
    options.block_bytes = block_bytes;
    const auto engine = Engine::create(options);
    ASSERT_FALSE(engine) << pool << " " << block_bytes;
    EXPECT_EQ(engine.error().kind, ErrorKind::usage);
  }
}

TEST_F(UploadTest, LogsReadModeAndNoToken) {
  std::vector<std::string> lines;
  options_.log = [&](LogLevel, const std::string& line) { lines.push_back(line); };
  expect_registered(upload());
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines[0], HasSubstr("reading through the page cache"));
  for (const std::string& line : lines) EXPECT_THAT(line, Not(HasSubstr(token)));
}

// --- Concurrent uploads --------------------------------------------------------------------------

class SeveralUploads : public UploadTest {
 protected:
  /// Starts uploads of "file-0" and so on, each file (and its chunks) larger than the one before it
  /// by `step` bytes. Each upload has a dataset of its own, which allows one upload at a time
  /// (protocol section 1.4).
  std::vector<std::unique_ptr<Upload>> start_several(std::size_t count, std::size_t step = 0) {
    std::vector<std::unique_ptr<Upload>> uploads;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = fmt::format("file-{}", i);
      write(name, file_size + i * step, i);
      auto asked = request(name);
      asked.dataset = fmt::format("IDB-{}", i);
      if (step != 0) asked.chunk_bytes = step * (i + 1);
      uploads.push_back(start(asked));
    }
    return uploads;
  }
};

TEST_F(SeveralUploads, ShareEngine) {
  options_.pool_bytes = 16 * block;
  const auto uploads = start_several(8, 1000);
  for (std::size_t i = 0; i < uploads.size(); ++i)
    expect_registered(uploads[i]->wait(), fmt::format("file-{}", i));
  EXPECT_EQ(server_.registrations(), 8);
}

/// An upload that has ended must not keep buffers while the program waits for another report.
TEST_F(SeveralUploads, FailedUploadFreesBuffersBeforeReportIsFetched) {
  server_.set_faults({{.phase = Phase::transfer, .answer = http_answer(500, "boom")}});
  write("bad", file_size, 1);
  write("good", file_size, 2);
  auto bad = start(request("bad"));
  ASSERT_TRUE(bad->wait_until(std::chrono::steady_clock::now() + 60s));
  auto asked = request("good");
  asked.dataset = "IDB-2";
  expect_registered(start(asked)->wait(), "good");
  EXPECT_EQ(bad->wait().status, Report::Status::failed);
}

/// Each upload holds blocks that it read ahead. With fewer blocks in the pool than that, all
/// uploads must still end.
TEST_F(SeveralUploads, ShareSmallestPool) {
  const auto uploads = start_several(4);
  for (std::size_t i = 0; i < uploads.size(); ++i)
    expect_registered(uploads[i]->wait(), fmt::format("file-{}", i));
}

TEST_F(SeveralUploads, ContinueAfterOneFails) {
  options_.pool_bytes = 8 * block;
  server_.set_faults(
      {{.phase = Phase::transfer, .occurrence = 3, .answer = http_answer(500, "no")}});
  const auto uploads = start_several(3);
  int failed = 0;
  for (std::size_t i = 0; i < uploads.size(); ++i) {
    const Report report = uploads[i]->wait();
    if (report.status == Status::failed)
      ++failed;
    else
      expect_registered(report, fmt::format("file-{}", i));
  }
  EXPECT_EQ(failed, 1);
  expect_next_upload_works();
}

}  // namespace
}  // namespace sluice::upload_test
