#include "engine/digest/evp_digest.h"

#include <gtest/gtest.h>

#include <string_view>

namespace sluice::evp_digest_test {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string hex(DigestKind kind, std::initializer_list<std::string_view> pieces) {
  EvpDigest digest = *EvpDigest::create(kind);
  for (const std::string_view piece : pieces) digest.update(bytes_of(piece));
  return digest.hex();
}

// The expected values are the output of md5sum and sha256sum.
TEST(EvpDigest, MatchesMd5sumAndSha256sum) {
  EXPECT_EQ(hex(DigestKind::md5, {}), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex(DigestKind::md5, {"abc"}), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(DigestKind::sha256, {}),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(DigestKind::sha256, {"abc"}),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(EvpDigest, IsIndependentOfPiecesAndContinuesAfterHex) {
  for (const DigestKind kind : {DigestKind::md5, DigestKind::sha256}) {
    EXPECT_EQ(hex(kind, {"a", "", "bc"}), hex(kind, {"abc"}));
    EvpDigest digest = *EvpDigest::create(kind);
    digest.update(bytes_of("a"));
    EXPECT_EQ(digest.hex(), hex(kind, {"a"}));
    digest.update(bytes_of("bc"));
    EXPECT_EQ(digest.hex(), hex(kind, {"abc"}));
    EXPECT_EQ(digest.hex().size(), hex_digits(kind));
  }
}

TEST(EvpDigest, Md5AndSha256AreAvailable) {
  EXPECT_TRUE(check_available({DigestKind::md5, DigestKind::sha256}));
}

}  // namespace
}  // namespace sluice::evp_digest_test
