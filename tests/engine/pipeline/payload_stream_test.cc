#include "engine/pipeline/payload_stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <semaphore>
#include <string>

#include "tests/engine/test_source.h"
#include "tests/support/temp_dir.h"

namespace sluice::payload_stream_test {
namespace {

constexpr std::size_t block_bytes = 4096;

class PayloadStreamTest : public testing::Test {
 protected:
  std::string read(std::size_t length) {
    std::string text(length, '\0');
    std::size_t done = 0;
    while (done < length) {
      const auto got =
          stream_.read(stream_.passed(), std::as_writable_bytes(std::span(text)).subspan(done));
      if (!got) {
        error_ = got.error();
        break;
      }
      if (*got == 0) ready_.acquire();
      done += *got;
    }
    text.resize(done);
    return text;
  }

  const std::string content_ = test::random_bytes(50 * block_bytes + 123, 5);
  test::StringSource source_{content_};
  std::unique_ptr<BufferPool> pool_ = *BufferPool::create(block_bytes, 4);
  ChecksumWorkers workers_{1};
  FileDigest digest_{"test.bin", content_.size()};
  PipelineClocks clocks_;
  std::counting_semaphore<> ready_{0};
  std::optional<Error> error_;
  PayloadStream stream_{{source_, *pool_, workers_, digest_, clocks_, block_bytes, 2},
                        [this] { ready_.release(); }};
};

TEST_F(PayloadStreamTest, ReadsTheFileInPiecesOfAnySize) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  stream_.seek(0);
  std::string all;
  while (all.size() < content_.size()) {
    const std::size_t most = std::min<std::size_t>(10000, content_.size() - all.size());
    all += read(std::uniform_int_distribution<std::size_t>(1, most)(random));
    ASSERT_EQ(stream_.passed(), all.size());
  }
  EXPECT_EQ(all, content_);
  EXPECT_EQ(pool_->available(), 4U) << "a buffer was not returned after its last byte";
}

TEST_F(PayloadStreamTest, SeeksToAnyOffset) {
  stream_.seek(0);
  read(10 * block_bytes + 7);
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{5000}, std::uint64_t{40967}}) {
    stream_.seek(offset);
    EXPECT_EQ(read(3000), content_.substr(offset, 3000)) << offset;
  }
  read(content_.size() - 43967);
  EXPECT_FALSE(error_);
  EXPECT_EQ(digest_.xxh128().size(), 32U) << "seeking back must not change the digest of the file";
}

/// total_read() counts bytes that are sent again, and, unlike passed(), does not jump to the offset
/// at which an upload resumes.
TEST_F(PayloadStreamTest, HandedCountsBytesReadNotThePosition) {
  stream_.seek(20 * block_bytes);
  EXPECT_EQ(stream_.passed(), 20 * block_bytes);
  EXPECT_EQ(stream_.total_read(), 0U);
  read(5000);
  stream_.seek(20 * block_bytes);
  EXPECT_EQ(stream_.total_read(), 5000U);
  read(3000);
  EXPECT_EQ(stream_.total_read(), 8000U);
}

/// The server has more bytes than the journal knows of.
TEST_F(PayloadStreamTest, SeekPastTheDigestFeedsTheBytesBetween) {
  stream_.seek(0);
  read(content_.size());
  const std::string whole = digest_.xxh128();
  const FileDigest::Snapshot all = digest_.snapshot(0);
  for (const std::uint64_t offset : {5 * block_bytes, 9 * block_bytes + 1, content_.size() - 1}) {
    digest_.start_over();
    stream_.seek(5 * block_bytes);
    EXPECT_EQ(read(1), content_.substr(5 * block_bytes, 1));
    stream_.stop();
    EXPECT_GE(digest_.blocks(), 6U) << "the digest has seen the earlier blocks too";
    stream_.seek(offset);
    EXPECT_EQ(read(content_.size() - offset), content_.substr(offset)) << offset;
    EXPECT_EQ(digest_.xxh128(), whole) << offset;
    EXPECT_EQ(digest_.snapshot(0).checksums, all.checksums);
  }
  EXPECT_FALSE(error_);
  EXPECT_EQ(pool_->available(), 4U);
}

TEST_F(PayloadStreamTest, StopReturnsEveryBuffer) {
  stream_.seek(0);
  read(100);
  stream_.stop();
  EXPECT_EQ(pool_->available(), 4U);
}

TEST_F(PayloadStreamTest, ReportsReadErrors) {
  source_.fails_at = 30 * block_bytes;
  stream_.seek(0);
  read(content_.size());
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->kind, ErrorKind::local_file);
}

TEST_F(PayloadStreamTest, ReportsWhyReadReturnedNothing) {
  std::counting_semaphore<> go_on{0};
  source_.before_read = [&](std::uint64_t offset) {
    if (offset == 0) go_on.acquire();
  };
  stream_.seek(0);
  std::byte byte{};
  ASSERT_EQ(stream_.read(0, {&byte, 1}).value(), 0U);
  EXPECT_EQ(stream_.waiting_for(), Window::Waiting::read);
  go_on.release();
  EXPECT_EQ(read(1), content_.substr(0, 1));
}

/// Two concurrent requests read alternately, each from its own offset, in pieces of any size.
TEST_F(PayloadStreamTest, ServesConcurrentRequestsAndDigestsTheFile) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  // In the middle of a block, so that both requests read a part of the block.
  const std::uint64_t border = 20 * block_bytes + 1000;
  std::string all(content_.size(), '\0');
  std::uint64_t at[2] = {0, border};
  const std::uint64_t end[2] = {border, content_.size()};
  stream_.seek(0);
  stream_.claim(border);
  EXPECT_TRUE(stream_.stands_at(border));
  stream_.claim(content_.size());
  EXPECT_FALSE(stream_.stands_at(border));
  bool second_was_early = false;
  while (at[0] < end[0] || at[1] < end[1]) {
    bool moved = false;
    for (const int who : {1, 0}) {
      if (at[who] == end[who]) continue;
      // Until the second request has read a byte, the first one stops before its offset.
      const std::uint64_t until = who == 0 && !second_was_early ? border - 1 : end[who];
      if (at[who] == until) continue;
      const std::uint64_t length = std::min<std::uint64_t>(
          std::uniform_int_distribution<std::uint64_t>(1, 9000)(random), until - at[who]);
      const auto got =
          stream_.read(at[who], std::as_writable_bytes(std::span(all)).subspan(at[who], length));
      ASSERT_TRUE(got);
      at[who] += *got;
      moved = moved || *got > 0;
      if (who == 1 && *got > 0 && at[0] < end[0]) second_was_early = true;
    }
    if (!moved) ready_.acquire();
  }
  EXPECT_TRUE(second_was_early) << "the requests did not overlap";
  EXPECT_TRUE(all == content_);
  EXPECT_EQ(digest_.xxh128().size(), 32U);
  EXPECT_EQ(stream_.passed(), content_.size());
  EXPECT_EQ(pool_->available(), 4U);
}

}  // namespace
}  // namespace sluice::payload_stream_test
