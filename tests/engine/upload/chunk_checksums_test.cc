#include "engine/upload/chunk_checksums.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <chrono>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "engine/base/base64.h"
#include "engine/pipeline/range_digest.h"
#include "tests/engine/test_source.h"
#include "tests/support/temp_dir.h"

namespace sluice::chunk_checksums_test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t block_bytes = 4096;
constexpr std::uint64_t room = 4 * block_bytes;

class ChunkChecksumsTest : public testing::Test {
 protected:
  /// Without workers, a checksum is computed before compute() returns.
  explicit ChunkChecksumsTest(int workers = 0) : workers_(workers) { payload_.seek(0); }
  ~ChunkChecksumsTest() override { may_read_.release(1000); }

  static Request chunk(std::uint64_t begin, std::uint64_t end) {
    Request request;
    request.step = Request::Step::chunk;
    request.headers = {"Upload-Offset: " + std::to_string(begin)};
    request.payload = {begin, end};
    return request;
  }
  /// Waits until the bytes up to `end` have come.
  void arrive(std::uint64_t end) {
    while (payload_.arrived() < end) ASSERT_TRUE(more_.try_acquire_for(60s)) << end;
  }
  std::string header(std::uint64_t begin, std::uint64_t end) const {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EXPECT_EQ(
        EVP_Digest(content_.data() + begin, end - begin, digest, &length, EVP_sha1(), nullptr), 1);
    return "Upload-Checksum: sha1 " + base64({reinterpret_cast<const char*>(digest), length});
  }
  ChunkChecksums make(const std::string& algorithm = "sha1") {
    return ChunkChecksums(
        {.algorithm = algorithm, .most_bytes = room, .room_bytes = room}, payload_,
        [this] { ready_.release(); }, [this](std::uint64_t bytes) { off_.push_back(bytes); });
  }

  const std::string content_ = test::random_bytes(6 * block_bytes + 100, 3);
  test::StringSource source_{content_};
  std::unique_ptr<BufferPool> pool_ = *BufferPool::create(block_bytes, 8);
  ChecksumWorkers workers_;
  FileDigest digest_{"test.bin", content_.size()};
  PipelineClocks clocks_;
  std::counting_semaphore<> may_read_{0};  ///< where a test holds back the readers
  std::counting_semaphore<> more_{0};      ///< more bytes have come
  std::counting_semaphore<> ready_{0};     ///< a checksum is there
  std::vector<std::uint64_t> off_;
  PayloadStream payload_{{source_, *pool_, workers_, digest_, clocks_, block_bytes, 1},
                         [this] { more_.release(); }};
};

TEST_F(ChunkChecksumsTest, DoesNotChangeChunksWithoutAlgorithm) {
  ChunkChecksums checksums = make("");
  EXPECT_FALSE(checksums.is_on());
  Request request = chunk(0, 2 * block_bytes);
  EXPECT_TRUE(checksums.add_to(request));
  EXPECT_EQ(request.headers.size(), 1U);
}

TEST_F(ChunkChecksumsTest, DoesNotChangeRequestsWithoutPayload) {
  ChunkChecksums checksums = make();
  EXPECT_TRUE(checksums.is_on());
  Request request = chunk(0, 0);
  EXPECT_TRUE(checksums.add_to(request));
  EXPECT_EQ(request.headers.size(), 1U);
  checksums.compute({0, 0});
  EXPECT_FALSE(ready_.try_acquire());
}

TEST_F(ChunkChecksumsTest, AddsTheChecksumOfExactlyTheseBytes) {
  arrive(content_.size());
  ChunkChecksums checksums = make();
  const std::uint64_t begin = 1000;
  const std::uint64_t end = 3 * block_bytes + 7;
  Request request = chunk(begin, end);
  EXPECT_FALSE(checksums.add_to(request)) << "the checksum is not computed yet";
  EXPECT_EQ(request.headers.size(), 1U);
  checksums.compute({begin, end});
  ASSERT_TRUE(ready_.try_acquire_for(60s));
  Request longer = chunk(begin, end + 1);
  EXPECT_FALSE(checksums.add_to(longer));
  EXPECT_TRUE(checksums.add_to(request));
  EXPECT_EQ(request.headers, (std::vector<std::string>{"Upload-Offset: 1000", header(begin, end)}));
}

TEST_F(ChunkChecksumsTest, ComputesNothingTwice) {
  arrive(content_.size());
  ChunkChecksums checksums = make();
  checksums.compute({0, 2 * block_bytes});
  ASSERT_TRUE(ready_.try_acquire_for(60s));
  checksums.compute({0, 2 * block_bytes});
  EXPECT_FALSE(ready_.try_acquire());
}

TEST_F(ChunkChecksumsTest, HoldsChunkUntilChecksumIsComputed) {
  arrive(content_.size());
  ChunkChecksums checksums = make();
  EXPECT_FALSE(checksums.take_ready());
  EXPECT_FALSE(checksums.is_holding());
  checksums.hold(chunk(0, 2 * block_bytes));
  EXPECT_TRUE(checksums.is_holding());
  EXPECT_FALSE(checksums.take_ready()) << "this begins to compute it";
  EXPECT_TRUE(checksums.is_holding());
  ASSERT_TRUE(ready_.try_acquire_for(60s));
  const std::optional<Request> taken = checksums.take_ready();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->payload, (ByteRange{0, 2 * block_bytes}));
  EXPECT_EQ(taken->headers.back(), header(0, 2 * block_bytes));
  EXPECT_FALSE(checksums.is_holding());
  EXPECT_FALSE(checksums.take_ready());
}

TEST_F(ChunkChecksumsTest, ComputesOnlyOnceAllBytesOfAChunkHaveBeenRead) {
  payload_.stop();
  source_.before_read = [this](std::uint64_t offset) {
    if (offset >= 2 * block_bytes) may_read_.acquire();
  };
  payload_.seek(0);
  arrive(2 * block_bytes);
  ChunkChecksums checksums = make();
  checksums.hold(chunk(0, 2 * block_bytes + 1));
  EXPECT_FALSE(checksums.take_ready());
  EXPECT_FALSE(payload_.hashing());
  EXPECT_FALSE(ready_.try_acquire());
  may_read_.release(1000);
  arrive(2 * block_bytes + 1);
  EXPECT_FALSE(checksums.take_ready());
  ASSERT_TRUE(ready_.try_acquire_for(60s));
  EXPECT_TRUE(checksums.take_ready());
}

TEST_F(ChunkChecksumsTest, StopsChecksummingAtChunkTooLargeForPool) {
  arrive(content_.size());
  ChunkChecksums checksums = make();
  Request fits = chunk(0, room);
  EXPECT_FALSE(checksums.add_to(fits));
  EXPECT_TRUE(off_.empty());
  Request request = chunk(0, room + 1);
  EXPECT_TRUE(checksums.add_to(request));
  EXPECT_EQ(request.headers.size(), 1U);
  EXPECT_EQ(off_, (std::vector<std::uint64_t>{room + 1}));
  EXPECT_FALSE(checksums.is_on());
  EXPECT_TRUE(checksums.add_to(fits)) << "off for all that follow";
  EXPECT_TRUE(checksums.add_to(request));
  EXPECT_EQ(off_.size(), 1U) << "said once";
}

class BusyWorkerTest : public ChunkChecksumsTest {
 protected:
  BusyWorkerTest() : ChunkChecksumsTest(1) {}
};

TEST_F(BusyWorkerTest, HashesOneChunkAtATime) {
  arrive(content_.size());
  ASSERT_TRUE(workers_.available());
  std::counting_semaphore<> go_on{0};
  const RangeDigest busy("sha1", {}, workers_, [&] { go_on.acquire(); });
  ChunkChecksums checksums = make();
  checksums.compute({0, block_bytes});
  checksums.compute({block_bytes, 2 * block_bytes});
  EXPECT_TRUE(payload_.hashing());
  go_on.release();
  ASSERT_TRUE(ready_.try_acquire_for(60s));
  Request first = chunk(0, block_bytes);
  EXPECT_TRUE(checksums.add_to(first)) << "the second one must not take its place";
  Request second = chunk(block_bytes, 2 * block_bytes);
  EXPECT_FALSE(checksums.add_to(second));
}

}  // namespace
}  // namespace sluice::chunk_checksums_test
