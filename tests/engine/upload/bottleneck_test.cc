// The report must name the slow stage. Each test makes another stage slow, in proportion to the
// time that this machine needs for the others.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "engine/http/curl_transport.h"
#include "engine/protocol/phased.h"
#include "engine/upload/upload_run.h"
#include "io/sync.h"
#include "tests/engine/test_source.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

namespace sluice::bottleneck_test {
namespace {

using namespace std::chrono_literals;
using test::Fault;
using test::Phase;

constexpr std::size_t block = 64 * 1024;
constexpr int blocks = 64;
constexpr std::uint64_t chunk = 16 * block;

/// Pauses of one stage, one at a time, each three times as long as everything else has taken on
/// average between two of them. So the stage is the slow one, however slow the machine is. Thread
/// safe.
class Pauses {
 public:
  void pause() {
    const MutexLock lock(mutex_);
    const auto now = Clock::now();
    std::this_thread::sleep_for(
        std::max<Clock::duration>(5ms, 3 * (now - begin_ - paused_) / ++count_));
    paused_ += Clock::now() - now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin_ = Clock::now();
  Mutex mutex_;
  Clock::duration paused_ SLUICE_GUARDED_BY(mutex_){};
  int count_ SLUICE_GUARDED_BY(mutex_) = 0;
};

class BottleneckTest : public testing::Test {
 protected:
  BottleneckTest()
      : content_(test::random_bytes(blocks * block, 3)),
        path_(write(directory_ / "scan.h5", content_)),
        source_(std::make_unique<test::StringSource>(content_, path_)) {}

  Report upload(const std::string& name = "scan.h5") {
    UploadRequest request;
    request.base_url = server_.url();
    request.dataset = "IDB-1";
    request.name = name;
    request.chunk_bytes = chunk;
    request.token = Secret("s3cr3t-t0k3n");
    request.digests = digests_;
    NetworkThreads network({.make = curl_transports({}), .bytes_per_second = bytes_per_second_});
    auto protocol = std::make_unique<Phased>(Deposit{"IDB-1", name, content_.size()});
    auto run = std::make_shared<UploadRun>(UploadRun::Setting{
        .request = std::move(request),
        .source = std::move(source_),
        .protocol = std::move(protocol),
        .pool = *pool_,
        .workers = workers_,
        .network = network,
        .block_bytes = block,
        .response_timeout = 0s,
        .retry = {},
        .log = {},
        .journal = nullptr,
        .lock = {},
        .earlier = {},
        .register_wait = 0s,
        .bytes_per_second = bytes_per_second_,
        .server = {},
    });
    run->start();
    Report report = run->wait();
    EXPECT_EQ(report.status, Report::Status::registered)
        << (report.error ? report.error->message : "");
    EXPECT_TRUE(server_.registered(name) == content_);
    return report;
  }

  void expect(const Report& report, Bottleneck bottleneck) {
    EXPECT_STREQ(to_string(report.bottleneck()), to_string(bottleneck)) << to_json(report);
  }

  static std::string write(const std::string& path, const std::string& content) {
    test::write_file(path, content);
    return path;
  }

  const std::string content_;
  const test::TempDir directory_;
  const std::string path_;
  std::unique_ptr<test::StringSource> source_;
  std::unique_ptr<BufferPool> pool_ = *BufferPool::create(block, 8);
  ChecksumWorkers workers_{1};
  test::ScriptedServer server_;
  std::uint64_t bytes_per_second_ = 0;
  std::vector<DigestKind> digests_;
};

TEST_F(BottleneckTest, NamesSlowDisk) {
  Pauses pauses;
  source_->before_read = [&](std::uint64_t) { pauses.pause(); };
  const Report report = upload();
  expect(report, Bottleneck::disk);
  EXPECT_GT(report.stages.send.wait_s, report.stages.send.busy_s);
}

/// The only worker has other work before each block.
TEST_F(BottleneckTest, NamesSlowChecksums) {
  // Shared, because oneTBB may still hold the last task when the upload has ended.
  const auto pauses = std::make_shared<Pauses>();
  source_->mode_to_tell = ReadMode::direct;  // otherwise the readers compute the checksums
  source_->before_read = [&](std::uint64_t) { workers_.run([pauses] { pauses->pause(); }); };
  expect(upload(), Bottleneck::checksum);
}

TEST_F(BottleneckTest, NamesSlowLink) {
  const double unlimited_s = upload("unlimited").seconds;
  source_ = std::make_unique<test::StringSource>(content_, path_);
  bytes_per_second_ = static_cast<std::uint64_t>(static_cast<double>(content_.size()) /
                                                 std::max(0.6, 4 * unlimited_s));
  const Report report = upload();
  expect(report, Bottleneck::network);
  EXPECT_EQ(report.rate_limit, bytes_per_second_);
}

/// With and without pipelined chunks: the server appends each chunk only after the one before it.
TEST_F(BottleneckTest, NamesSlowServer) {
  Pauses pauses;
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = -1,
                       .before = [&] { pauses.pause(); },
                       .carried_out = true}});
  expect(upload(), Bottleneck::server);
}

}  // namespace
}  // namespace sluice::bottleneck_test
