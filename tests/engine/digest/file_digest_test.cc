#include "engine/digest/file_digest.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace sluice::file_digest_test {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Block block(std::uint64_t number, const std::string& text, std::size_t block_bytes) {
  Block result;
  result.number = number;
  result.offset = number * block_bytes;
  result.bytes = bytes_of(text);
  result.checksum = block_checksum(result.bytes);
  return result;
}

// The output of `printf '' | xxh128sum`.
constexpr const char* of_nothing = "99aa06d3014798d86001c324468d497f";

TEST(FileDigest, DigestsEmptyFile) {
  EXPECT_EQ(FileDigest("f", 0).xxh128(), of_nothing);
}

TEST(FileDigest, IsIndependentOfBlockSize) {
  const std::string data = test::random_bytes(100000, 7);
  const XXH128_hash_t expected = XXH3_128bits(data.data(), data.size());
  for (const std::size_t block_bytes : {1000U, 4096U, 99999U, 100000U}) {
    FileDigest digest("f", data.size());
    for (std::size_t number = 0; number * block_bytes < data.size(); ++number) {
      EXPECT_EQ(digest.xxh128(), "") << "not before the end";
      const std::string part = data.substr(number * block_bytes, block_bytes);
      ASSERT_TRUE(digest.add(block(number, part, block_bytes)));
    }
    char text[33];
    std::snprintf(text, sizeof text, "%016llx%016llx",
                  static_cast<unsigned long long>(expected.high64),
                  static_cast<unsigned long long>(expected.low64));
    EXPECT_EQ(digest.xxh128(), text);
  }
}

TEST(FileDigest, ComparesBlocksReadAgainWithoutHashingThem) {
  FileDigest once("f", 8), again("f", 8);
  for (FileDigest* digest : {&once, &again}) {
    ASSERT_TRUE(digest->add(block(0, "aaaa", 4)));
    ASSERT_TRUE(digest->add(block(1, "bbbb", 4)));
  }
  EXPECT_TRUE(again.add(block(0, "aaaa", 4)));
  EXPECT_EQ(once.xxh128(), again.xxh128());

  const auto changed = again.add(block(1, "bbXb", 4));
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().kind, ErrorKind::local_file);
  EXPECT_NE(changed.error().message.find(" f: the file changed"), std::string::npos);
  EXPECT_NE(changed.error().message.find("4 to 8"), std::string::npos);
}

TEST(FileDigest, ThrowsIfBlockIsSkipped) {
  FileDigest digest("f", 12);
  EXPECT_THROW(static_cast<void>(digest.add(block(1, "aaaa", 4))), std::logic_error);
}

/// Returns block `number` of a file of one-byte blocks: the letters a to z, repeated.
std::string letter(std::uint64_t number) {
  return std::string(1, static_cast<char>('a' + number % 26));
}

class ManyBlocks : public testing::Test {
 protected:
  static constexpr std::uint64_t count = FileDigest::always_kept + 1000;
  void add_all(FileDigest& digest) {
    for (std::uint64_t number = 0; number < count; ++number)
      ASSERT_TRUE(digest.add(block(number, letter(number), 1)));
  }
};

TEST_F(ManyBlocks, ForgetsOldChecksumsButKeepsTheNewest) {
  FileDigest digest("f", count);
  add_all(digest);
  EXPECT_TRUE(digest.knows(0));
  digest.forget_before(500, 1);
  EXPECT_FALSE(digest.knows(499));
  EXPECT_TRUE(digest.knows(500));  // may be read again
  EXPECT_TRUE(digest.add(block(500, letter(500), 1)));
  EXPECT_FALSE(digest.add(block(500, "?", 1)));
  EXPECT_THROW(static_cast<void>(digest.add(block(499, letter(499), 1))), std::logic_error);
  digest.forget_before(count, 1);
  EXPECT_FALSE(digest.knows(999));
  EXPECT_TRUE(digest.knows(1000));
  EXPECT_TRUE(digest.knows(count));
  EXPECT_FALSE(digest.knows(count + 1));
}

TEST_F(ManyBlocks, KeepsChecksumsForTheJournal) {
  FileDigest digest("f", count);
  digest.keep_from(0);
  add_all(digest);
  digest.forget_before(count, 1);
  EXPECT_TRUE(digest.knows(0));
  EXPECT_EQ(digest.snapshot(0).checksums.size(), count);
  digest.keep_from(300);
  digest.forget_before(count, 1);
  EXPECT_FALSE(digest.knows(299));
  const FileDigest::Snapshot snapshot = digest.snapshot(300);
  EXPECT_EQ(snapshot.first, 300U);
  EXPECT_EQ(snapshot.checksums.at(0), block(300, letter(300), 1).checksum);
  EXPECT_THROW(static_cast<void>(digest.snapshot(299)), std::logic_error);
  digest.keep_from(FileDigest::nothing);
  digest.forget_before(count, 1);
  EXPECT_FALSE(digest.knows(300));
}

class Resumed : public testing::Test {
 protected:
  static constexpr std::size_t block_bytes = 1000;
  static constexpr std::uint64_t blocks = 12;  ///< the last one of 500 bytes

  Block nth(std::uint64_t number) {
    part_ = data_.substr(number * block_bytes, block_bytes);
    return block(number, part_, block_bytes);
  }
  Result<void> add(FileDigest& digest, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t number = from; number < to; ++number) TRY(digest.add(nth(number)));
    return {};
  }
  FileDigest::Snapshot after(std::uint64_t count) {
    FileDigest digest("f", data_.size());
    EXPECT_TRUE(add(digest, 0, count));
    return digest.snapshot(0);
  }
  std::string whole() {
    FileDigest digest("f", data_.size());
    EXPECT_TRUE(add(digest, 0, blocks));
    return digest.xxh128();
  }

  const std::string data_ = test::random_bytes(11'500, 9);
  std::string part_;
};

TEST_F(Resumed, ResumesAfterAnyBlock) {
  for (std::uint64_t count = 0; count <= blocks; ++count) {
    const FileDigest::Snapshot snapshot = after(count);
    EXPECT_EQ(snapshot.first, 0U);
    EXPECT_EQ(snapshot.blocks, count);
    ASSERT_EQ(snapshot.checksums.size(), count);
    FileDigest digest("f", data_.size());
    ASSERT_TRUE(digest.resume(count, block_bytes, snapshot.checksums, snapshot.state)) << count;
    EXPECT_EQ(digest.blocks(), count);
    ASSERT_TRUE(add(digest, count, blocks));
    EXPECT_EQ(digest.xxh128(), whole()) << count;
  }
}

TEST_F(Resumed, ComparesLostBlocksWithEarlierRun) {
  FileDigest::Snapshot snapshot = after(8);
  snapshot.checksums.erase(snapshot.checksums.begin(), snapshot.checksums.begin() + 5);
  FileDigest digest("f", data_.size());
  ASSERT_TRUE(digest.resume(8, block_bytes, snapshot.checksums, snapshot.state));
  EXPECT_FALSE(digest.knows(4));
  EXPECT_TRUE(digest.knows(5));
  EXPECT_TRUE(digest.knows(8));
  ASSERT_TRUE(add(digest, 5, blocks));
  EXPECT_EQ(digest.xxh128(), whole());

  const auto changed = digest.add(block(6, std::string(block_bytes, 'x'), block_bytes));
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().kind, ErrorKind::local_file);
  EXPECT_NE(changed.error().message.find("6000 to 7000 differ from the bytes sent"),
            std::string::npos)
      << changed.error().message;
  // This run read the block first, so the error message differs.
  const auto now = digest.add(block(9, std::string(block_bytes, 'x'), block_bytes));
  EXPECT_NE(now.error().message.find("during the upload"), std::string::npos);
}

TEST_F(Resumed, RejectsUnusableStateAndStaysUnchanged) {
  const FileDigest::Snapshot snapshot = after(8);
  FileDigest digest("f", data_.size(), {DigestKind::md5});
  std::string damaged = snapshot.state;
  damaged[100] = static_cast<char>(damaged[100] ^ 1);
  EXPECT_FALSE(digest.resume(8, block_bytes, snapshot.checksums, damaged));
  EXPECT_FALSE(digest.resume(8, block_bytes, snapshot.checksums, ""));
  EXPECT_FALSE(digest.resume(7, block_bytes, {}, snapshot.state));
  EXPECT_FALSE(digest.resume(9, block_bytes, snapshot.checksums, snapshot.state));
  EXPECT_FALSE(digest.resume(8, 2 * block_bytes, snapshot.checksums, snapshot.state));
  EXPECT_FALSE(digest.resume(8, block_bytes, std::vector<std::uint64_t>(9), snapshot.state));
  EXPECT_EQ(digest.blocks(), 0U);
  ASSERT_TRUE(add(digest, 0, blocks));
  EXPECT_EQ(digest.xxh128(), whole());
  EXPECT_EQ(digest.extra(DigestKind::md5).size(), 32U);
}

TEST_F(Resumed, ExtraDigestsNeedAFreshStart) {
  EvpDigest expected = *EvpDigest::create(DigestKind::sha256);
  expected.update(bytes_of(data_));
  const FileDigest::Snapshot snapshot = after(8);
  FileDigest digest("f", data_.size(), {DigestKind::sha256});
  EXPECT_TRUE(digest.has_extra());
  ASSERT_TRUE(digest.resume(8, block_bytes, snapshot.checksums, snapshot.state));
  EXPECT_FALSE(digest.has_extra());
  ASSERT_TRUE(add(digest, 8, blocks));
  EXPECT_EQ(digest.extra(DigestKind::sha256), "");

  digest.start_over();
  EXPECT_TRUE(digest.has_extra());
  EXPECT_EQ(digest.blocks(), 0U);
  EXPECT_TRUE(digest.add(block(0, std::string(block_bytes, 'x'), block_bytes)))
      << "start_over() discards the earlier blocks";
  digest.start_over();
  ASSERT_TRUE(add(digest, 0, blocks - 1));
  EXPECT_EQ(digest.extra(DigestKind::sha256), "") << "not before the end";
  ASSERT_TRUE(add(digest, 3, blocks)) << "blocks that are added again are not hashed again";
  EXPECT_EQ(digest.extra(DigestKind::sha256), expected.hex());
  EXPECT_EQ(digest.extra(DigestKind::md5), "") << "not requested";
  EXPECT_EQ(digest.xxh128(), whole());
}

TEST_F(Resumed, KeepsExtraDigestsIfResumedAtBlockZero) {
  FileDigest digest("f", data_.size(), {DigestKind::md5});
  ASSERT_TRUE(digest.resume(0, block_bytes, {}, after(0).state));
  ASSERT_TRUE(add(digest, 0, blocks));
  EXPECT_EQ(digest.extra(DigestKind::md5).size(), 32U);
}

TEST_F(Resumed, ComparesExpectedBlocksAndHashesToTheEnd) {
  FileDigest digest("f", data_.size(), {DigestKind::md5});
  digest.expect(after(5).checksums);
  EXPECT_EQ(digest.blocks(), 0U);
  EXPECT_TRUE(digest.knows(0));
  EXPECT_TRUE(digest.knows(1))
      << "the block is expected; a reader that goes back starts at blocks()";
  ASSERT_TRUE(add(digest, 0, blocks));
  EXPECT_EQ(digest.xxh128(), whole());
  EXPECT_EQ(digest.extra(DigestKind::md5).size(), 32U);
  EXPECT_EQ(digest.snapshot(0).checksums, after(blocks).checksums);

  digest.expect(after(5).checksums);
  ASSERT_TRUE(add(digest, 0, 4));
  EXPECT_EQ(digest.snapshot(1).checksums.size(), 3U) << "only added blocks, not expected ones";
  const auto changed = digest.add(block(4, std::string(block_bytes, 'x'), block_bytes));
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().message.find("4000 to 5000 differ from the bytes sent"),
            std::string::npos)
      << changed.error().message;
}

TEST_F(Resumed, SnapshotIsConsistentWhileBlocksAreAdded) {
  constexpr std::uint64_t many = 3000;
  const std::string data = test::random_bytes(many * block_bytes, 10);
  FileDigest digest("f", data.size(), {DigestKind::md5});
  digest.keep_from(0);
  std::atomic<bool> done = false;
  std::thread adder([&] {
    for (std::uint64_t number = 0; number < many; ++number) {
      const std::string part = data.substr(number * block_bytes, block_bytes);
      EXPECT_TRUE(digest.add(block(number, part, block_bytes)));
      digest.forget_before(number * block_bytes, block_bytes);
    }
    done = true;
  });
  std::uint64_t recorded = 0;
  FileDigest::Snapshot last;
  while (!done || last.blocks < many) {
    last = digest.snapshot(recorded);
    ASSERT_EQ(last.first, recorded);
    ASSERT_EQ(last.blocks, recorded + last.checksums.size());
    EXPECT_LE(last.blocks, digest.blocks());
    Xxh128State state;
    ASSERT_TRUE(state.load(last.state));
    ASSERT_EQ(state.total(), last.blocks * block_bytes);
    recorded = last.blocks;
    digest.keep_from(recorded);
  }
  adder.join();
  EXPECT_EQ(recorded, many);
}

TEST_F(Resumed, SnapshotAfterStartOverClampsFirst) {
  FileDigest digest("f", data_.size());
  digest.keep_from(0);
  ASSERT_TRUE(add(digest, 0, 6));
  digest.keep_from(6);
  digest.start_over();
  ASSERT_TRUE(add(digest, 0, 2));
  EXPECT_EQ(digest.snapshot(6).first, 2U);
  EXPECT_EQ(digest.snapshot(0).checksums.size(), 2U);
}

}  // namespace
}  // namespace sluice::file_digest_test
