#include "engine/policy/chunk_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::chunk_check_test {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t MiB = 1 << 20;

TusServer server(std::vector<std::string> algorithms) {
  return {
      .extensions = {"creation", "checksum"}, .algorithms = std::move(algorithms), .max_size = 0};
}

ChunkCheckSetting setting(VerifyChunks wish = VerifyChunks::automatic) {
  return {.wish = wish,
          .tls = false,
          .least_chunk = 5 * MiB,
          .size = 1000 * MiB,
          .pool_blocks = 16,
          .lanes = 1,
          .block_bytes = 4 * MiB};
}

std::string chosen(const TusServer& server, const ChunkCheckSetting& setting) {
  const auto check = plan_chunk_check(server, setting);
  return check ? check->algorithm : "error: " + check.error().message;
}

TEST(ChunkCheck, ChoosesCheapestSupportedAlgorithm) {
  EXPECT_EQ(chosen(server({"crc32", "sha512", "md5", "sha1"}), setting()), "sha1");
  EXPECT_EQ(chosen(server({"crc32", "sha512", "md5"}), setting()), "md5");
  EXPECT_EQ(chosen(server({"sha384", "sha256"}), setting()), "sha256");
  EXPECT_EQ(chosen(server({"crc32", "whirlpool"}), setting()), "");
}

TEST(ChunkCheck, AutomaticSkipsChecksumsOverTls) {
  ChunkCheckSetting tls = setting();
  tls.tls = true;
  EXPECT_EQ(chosen(server({"sha1"}), tls), "");
  tls.wish = VerifyChunks::on;
  EXPECT_EQ(chosen(server({"sha1"}), tls), "sha1");
  EXPECT_EQ(chosen(server({"sha1"}), setting(VerifyChunks::off)), "");
}

TEST(ChunkCheck, FailsIfRequestedAlgorithmIsUnavailable) {
  TusServer none = server({"sha1"});
  none.extensions = {"creation"};
  EXPECT_EQ(chosen(none, setting()), "");
  EXPECT_THAT(chosen(none, setting(VerifyChunks::on)),
              HasSubstr("announces no checksum algorithm"));
  EXPECT_THAT(chosen(server({"crc32"}), setting(VerifyChunks::on)),
              HasSubstr("announces no checksum algorithm"));
}

TEST(ChunkCheck, LimitsChunksToHalfThePool) {
  const auto check = plan_chunk_check(server({"sha1"}), setting());
  ASSERT_TRUE(check);
  EXPECT_EQ(check->most_bytes, 32 * MiB);
}

TEST(ChunkCheck, FailsIfLeastChunkExceedsThePool) {
  ChunkCheckSetting large = setting();
  // more than half of the pool: the next chunk is not read ahead, but the chunk fits
  large.least_chunk = 50 * MiB;
  const auto fits = plan_chunk_check(server({"sha1"}), large);
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->most_bytes, 50 * MiB);
  large.least_chunk = 61 * MiB;  // one block more, which is shared with the next chunk
  EXPECT_EQ(chosen(server({"sha1"}), large), "");
  large.wish = VerifyChunks::on;
  EXPECT_THAT(chosen(server({"sha1"}), large), HasSubstr("--pool 68"));
  large.lanes = 4;
  EXPECT_THAT(chosen(server({"sha1"}), large), HasSubstr("--pool 272")) << "for all lanes";
  large.size = 3 * MiB;  // the whole file is the last chunk
  EXPECT_EQ(chosen(server({"sha1"}), large), "sha1");
}

}  // namespace
}  // namespace sluice::chunk_check_test
