#include "engine/pipeline/pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include "io/fault_source.h"
#include "tests/engine/test_source.h"
#include "tests/support/temp_dir.h"

namespace sluice::pipeline_test {
namespace {

constexpr std::size_t block_bytes = 4096;

/// Runs with a source whose blocks the readers check, and with one whose blocks the workers check.
class PipelineTest : public testing::TestWithParam<ReadMode> {
 protected:
  void make(std::size_t size, std::size_t buffers, std::vector<DigestKind> extra = {}) {
    content_ = test::random_bytes(size, 3);
    source_ = std::make_unique<test::StringSource>(content_);
    source_->mode_to_tell = GetParam();
    pool_ = *BufferPool::create(block_bytes, buffers);
    digest_ = std::make_unique<FileDigest>("test.bin", size, std::move(extra));
  }
  std::unique_ptr<Pipeline> start(std::uint64_t offset = 0, int readers = 4,
                                  std::uint64_t end = ~std::uint64_t{0}) {
    return std::make_unique<Pipeline>(
        Pipeline::Setting{*source_, *pool_, workers_, *digest_, clocks_, block_bytes, readers, end},
        offset, [this] { ready_.release(); });
  }
  /// Starts a pipeline, and destroys it during the read at `offset`.
  void end_while_reading(std::uint64_t offset) {
    std::latch reading(1), go_on(1);
    source_->before_read = [&](std::uint64_t at) {
      if (at != offset) return;
      reading.count_down();
      go_on.wait();
    };
    auto pipeline = start();
    reading.wait();
    std::thread ender([&] { pipeline.reset(); });
    go_on.count_down();
    ender.join();
    EXPECT_EQ(pool_->available(), 4U);
  }
  /// Blocks until the next block or an error arrives; the result holds either.
  Window::Taken take(Pipeline& pipeline) {
    while (true) {
      Window::Taken taken = pipeline.take();
      if (taken.block || taken.error) return taken;
      ready_.acquire();
    }
  }
  std::string take_all(Pipeline& pipeline, std::uint64_t from = 0) {
    std::string all;
    for (std::uint64_t at = from / block_bytes * block_bytes; at < content_.size();
         at += block_bytes) {
      const Window::Taken taken = take(pipeline);
      if (!taken.block) {
        ADD_FAILURE() << taken.error->message;
        break;
      }
      EXPECT_EQ(taken.block->offset, at);
      EXPECT_EQ(taken.block->checksum, block_checksum(taken.block->bytes));
      all.append(reinterpret_cast<const char*>(taken.block->bytes.data()),
                 taken.block->bytes.size());
    }
    return all;
  }

  std::string content_;
  std::unique_ptr<test::StringSource> source_;
  std::unique_ptr<BufferPool> pool_;
  std::unique_ptr<FileDigest> digest_;
  ChecksumWorkers workers_{2};
  PipelineClocks clocks_;
  std::counting_semaphore<> ready_{0};
};

TEST_P(PipelineTest, DeliversTheFileInOrderThroughASmallPool) {
  for (const std::size_t size : {std::size_t{1}, block_bytes - 1, block_bytes, block_bytes + 1,
                                 100 * block_bytes, 100 * block_bytes + 17})
    for (const std::size_t buffers : {2U, 3U, 16U}) {
      make(size, buffers);
      {
        const auto pipeline = start();
        EXPECT_EQ(take_all(*pipeline), content_) << size << " bytes, " << buffers << " buffers";
      }
      EXPECT_EQ(pool_->available(), buffers);
      EXPECT_EQ(digest_->xxh128().size(), 32U);
    }
}

TEST_P(PipelineTest, ReadersComputeChecksumsWithoutWorkers) {
  make(100 * block_bytes + 17, 4);
  ChecksumWorkers none(0);
  Pipeline pipeline({*source_, *pool_, none, *digest_, clocks_, block_bytes, 4}, 0,
                    [&] { ready_.release(); });
  EXPECT_EQ(take_all(pipeline), content_);
}

TEST_P(PipelineTest, MismatchedBlockStopsTheReaders) {
  make(1000 * block_bytes, 4);
  EXPECT_EQ(take_all(*start()), content_);
  source_->change(7 * block_bytes + 1);
  std::atomic<std::uint64_t> furthest = 0;
  source_->before_read = [&](std::uint64_t offset) {
    if (offset > furthest) furthest = offset;
  };
  {
    const auto pipeline = start();
    // No block is taken: the test waits for the error only.
    std::optional<Error> error;
    while (!error) error = take(*pipeline).error;
  }
  EXPECT_LT(furthest, 500 * block_bytes);
}

TEST_P(PipelineTest, StartsAtTheBlockOfAnyOffset) {
  make(10 * block_bytes, 4);
  take_all(*start());
  for (const std::uint64_t from :
       {std::uint64_t{1}, std::uint64_t{4095}, std::uint64_t{4096}, std::uint64_t{40959}})
    EXPECT_EQ(take_all(*start(from), from), content_.substr(from / block_bytes * block_bytes))
        << from;
}

TEST_P(PipelineTest, ReportsFirstReadErrorToConsumerHoldingBuffers) {
  make(50 * block_bytes, 4);
  source_->fails_at = 20 * block_bytes + 5;
  {
    const auto pipeline = start();
    std::optional<Error> error;
    for (int i = 0; i < 50 && !error; ++i) error = take(*pipeline).error;
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind, ErrorKind::local_file);
    EXPECT_NE(error->message.find("offset 81925"), std::string::npos) << error->message;
  }
  EXPECT_EQ(pool_->available(), 4U);
}

TEST_P(PipelineTest, DestructorDoesNotWaitForBuffers) {
  // The pool is empty and no block is taken, so the readers are blocked.
  make(1000 * block_bytes, 4);
  for (int round = 0; round < 50; ++round) {
    const auto pipeline = start();
    if (round % 2 == 0) take(*pipeline);
  }
  EXPECT_EQ(pool_->available(), 4U);
}

TEST_P(PipelineTest, DestructionDuringARead) {
  make(10 * block_bytes, 4);
  end_while_reading(0);
}

TEST_P(PipelineTest, KeepsSeveralReadsInFlight) {
  make(8 * block_bytes, 8);
  // Each of four reads blocks until the other three run; with fewer reads in flight the test would
  // hang.
  std::latch all(4);
  source_->before_read = [&](std::uint64_t offset) {
    if (offset < 4 * block_bytes) all.arrive_and_wait();
  };
  EXPECT_EQ(take_all(*start(0, 4)), content_);
}

TEST_P(PipelineTest, DetectsFileChangeBetweenTwoPasses) {
  make(20 * block_bytes, 8);
  EXPECT_EQ(take_all(*start()), content_);
  source_->change(7 * block_bytes + 1);
  const auto pipeline = start();
  std::optional<Error> error;
  for (int i = 0; i < 20 && !error; ++i) error = take(*pipeline).error;
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::local_file);
  EXPECT_NE(error->message.find("changed"), std::string::npos);
}

TEST_P(PipelineTest, TwoPipelinesShareAPoolWithoutStarvation) {
  make(200 * block_bytes, 5);
  FileDigest other_digest("other.bin", content_.size());
  std::counting_semaphore<> other_ready{0};
  Pipeline other({*source_, *pool_, workers_, other_digest, clocks_, block_bytes, 4}, 0,
                 [&] { other_ready.release(); });
  std::string other_content;
  std::thread other_consumer([&] {
    while (other_content.size() < content_.size()) {
      const Window::Taken taken = other.take();
      if (taken.block)
        other_content.append(reinterpret_cast<const char*>(taken.block->bytes.data()),
                             taken.block->bytes.size());
      else
        other_ready.acquire();
    }
  });
  EXPECT_EQ(take_all(*start()), content_);
  other_consumer.join();
  EXPECT_EQ(other_content, content_);
}

TEST_P(PipelineTest, StopsAfterTheBlockThatContainsTheEnd) {
  make(10 * block_bytes + 5, 4);
  struct Case {
    std::uint64_t end;
    int blocks;
  };
  for (const auto& [end, blocks] :
       {Case{1, 1}, Case{block_bytes, 1}, Case{block_bytes + 1, 2}, Case{10 * block_bytes, 10},
        Case{10 * block_bytes + 1, 11}, Case{99 * block_bytes, 11}}) {
    digest_->start_over();
    source_->reads = 0;
    const auto pipeline = start(0, 4, end);
    for (int i = 0; i < blocks; ++i) EXPECT_TRUE(take(*pipeline).block) << end;
    EXPECT_EQ(source_->reads, blocks) << end;
    EXPECT_EQ(digest_->blocks(), blocks) << end;
  }
}

TEST_P(PipelineTest, FailsOnUnexpectedChecksum) {
  make(50 * block_bytes, 8);
  take_all(*start());
  const std::vector<std::uint64_t> checksums = digest_->snapshot(0).checksums;
  for (const std::size_t changed : {0U, 7U, 49U}) {
    digest_->expect(checksums);
    source_->change(changed * block_bytes);
    const auto pipeline = start();
    std::optional<Error> error;
    for (int i = 0; i < 50 && !error; ++i) error = take(*pipeline).error;
    ASSERT_TRUE(error);
    EXPECT_NE(error->message.find("differ from the bytes sent"), std::string::npos);
    source_->change(changed * block_bytes);
  }
}

TEST_P(PipelineTest, DetectsBlockChangedBetweenReads) {
  make(20 * block_bytes, 8);
  const FaultSource source(std::make_unique<test::StringSource>(content_),
                           {.changes = {{.offset = 11 * block_bytes + 3, .from_reading = 3}}});
  const auto pass = [&]() -> std::optional<Error> {
    Pipeline pipeline({source, *pool_, workers_, *digest_, clocks_, block_bytes, 4},
                      10 * block_bytes, [this] { ready_.release(); });
    for (int i = 10; i < 20; ++i)
      if (const Window::Taken taken = take(pipeline); taken.error) return taken.error;
    return {};
  };
  take_all(*start());
  EXPECT_FALSE(pass());
  EXPECT_FALSE(pass());
  const auto error = pass();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::local_file);
  EXPECT_NE(error->message.find("offset 45056 to 49152"), std::string::npos) << error->message;
  EXPECT_EQ(pool_->available(), 8U);
}

TEST_P(PipelineTest, ReportsTruncatedFile) {
  make(50 * block_bytes, 4);
  const FaultSource source(std::make_unique<test::StringSource>(content_),
                           {.ends_at = 30 * block_bytes + 5});
  {
    Pipeline pipeline({source, *pool_, workers_, *digest_, clocks_, block_bytes, 1}, 0,
                      [this] { ready_.release(); });
    std::optional<Error> error;
    for (int i = 0; i < 50 && !error; ++i) error = take(pipeline).error;
    ASSERT_TRUE(error);
    EXPECT_NE(error->message.find("at offset 122885: unexpected end of the file"),
              std::string::npos)
        << error->message;
  }
  EXPECT_EQ(pool_->available(), 4U);
}

std::string name_of(const testing::TestParamInfo<ReadMode>& info) {
  return info.param == ReadMode::direct ? "WorkersCheck" : "ReadersCheck";
}

INSTANTIATE_TEST_SUITE_P(Both, PipelineTest, testing::Values(ReadMode::buffered, ReadMode::direct),
                         name_of);

/// With MD5 and SHA-256, a separate thread passes the blocks in order.
class PipelineWithDigests : public PipelineTest {
 protected:
  static inline const std::vector<DigestKind> both{DigestKind::md5, DigestKind::sha256};
};

INSTANTIATE_TEST_SUITE_P(Both, PipelineWithDigests,
                         testing::Values(ReadMode::buffered, ReadMode::direct), name_of);

TEST_P(PipelineWithDigests, DeliversTheFileInOrderWithDigests) {
  for (const std::size_t size : {std::size_t{1}, block_bytes, 100 * block_bytes + 17})
    for (const std::size_t buffers : {2U, 3U, 16U}) {
      make(size, buffers, both);
      {
        const auto pipeline = start();
        EXPECT_EQ(take_all(*pipeline), content_) << size << " bytes, " << buffers << " buffers";
      }
      EXPECT_EQ(pool_->available(), buffers);
      EXPECT_EQ(digest_->xxh128().size(), 32U);
      for (const DigestKind kind : both) {
        EvpDigest expected = *EvpDigest::create(kind);
        expected.update(std::as_bytes(std::span(content_.data(), content_.size())));
        EXPECT_EQ(digest_->extra(kind), expected.hex());
      }
    }
}

TEST_P(PipelineWithDigests, DestructorDoesNotWaitForBuffers) {
  make(1000 * block_bytes, 4, both);
  for (int round = 0; round < 200; ++round) {
    digest_->start_over();
    const auto pipeline = start();
    for (int i = 0; i < round % 4; ++i) take(*pipeline);
    if (round % 3 == 0) pipeline->cancel();
  }
  EXPECT_EQ(pool_->available(), 4U);
}

TEST_P(PipelineWithDigests, DestructionDuringARead) {
  make(10 * block_bytes, 4, both);
  end_while_reading(2 * block_bytes);
}

TEST_P(PipelineWithDigests, ReportsFirstReadError) {
  for (const std::size_t bad : {0U, 20U, 49U}) {
    make(50 * block_bytes, 4, both);
    source_->fails_at = bad * block_bytes;
    {
      const auto pipeline = start();
      std::optional<Error> error;
      for (int i = 0; i < 50 && !error; ++i) error = take(*pipeline).error;
      ASSERT_TRUE(error);
      EXPECT_EQ(error->kind, ErrorKind::local_file);
    }
    EXPECT_EQ(pool_->available(), 4U);
  }
}

TEST_P(PipelineWithDigests, DetectsFileChangeBetweenTwoPasses) {
  make(20 * block_bytes, 8, both);
  EXPECT_EQ(take_all(*start()), content_);
  source_->change(7 * block_bytes + 1);
  const auto pipeline = start();
  std::optional<Error> error;
  for (int i = 0; i < 20 && !error; ++i) error = take(*pipeline).error;
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("changed"), std::string::npos);
}

TEST_P(PipelineTest, CountsWaitForBuffersSeparatelyFromReading) {
  make(100 * block_bytes, 2);
  const auto pipeline = start();
  take_all(*pipeline);
  EXPECT_GT(clocks_.reading.seconds(), 0);
  EXPECT_GT(clocks_.checksumming.seconds(), 0);
}

}  // namespace
}  // namespace sluice::pipeline_test
