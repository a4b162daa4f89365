#include "engine/file_digest.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/temp_dir.h"

namespace sluice {
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

// Printed by `printf '' | xxh128sum` and `printf 'The quick brown fox' | xxh128sum`.
constexpr const char* of_nothing = "99aa06d3014798d86001c324468d497f";

TEST(FileDigest, OfNothingIsKnown) {
  EXPECT_EQ(FileDigest("f", 0).xxh128(), of_nothing);
}

TEST(FileDigest, IsTheOneOfTheWholeWhateverTheBlocks) {
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

TEST(FileDigest, BlocksReadAgainCountOnceAndMustBeTheSame) {
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
  EXPECT_NE(changed.error().message.find("f changed"), std::string::npos);
  EXPECT_NE(changed.error().message.find("4 to 8"), std::string::npos);
}

TEST(FileDigest, ForgetsOnlyWhatIsNotReadAgain) {
  FileDigest digest("f", 12);
  for (std::uint64_t number = 0; number < 3; ++number)
    ASSERT_TRUE(digest.add(block(number, "aaaa", 4)));
  digest.forget_before(7, 4);  // block 1 reaches to byte 8: it may come again
  EXPECT_FALSE(digest.add(block(1, "bbbb", 4)));
  EXPECT_THROW(static_cast<void>(digest.add(block(0, "aaaa", 4))), std::logic_error);
}

TEST(FileDigest, AMissedBlockIsABug) {
  FileDigest digest("f", 12);
  EXPECT_THROW(static_cast<void>(digest.add(block(1, "aaaa", 4))), std::logic_error);
}

}  // namespace
}  // namespace sluice
