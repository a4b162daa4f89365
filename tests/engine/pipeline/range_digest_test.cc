#include "engine/pipeline/range_digest.h"

#include <gtest/gtest.h>

#include <atomic>

#include "engine/base/base64.h"

namespace sluice::range_digest_test {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// The expected values are the digests of "abc" (FIPS 180-4, RFC 1321), in base64.
TEST(RangeDigest, DigestsSeveralPiecesAsOneRange) {
  ChecksumWorkers workers(2);
  for (const auto& [algorithm, expected] :
       {std::pair("sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="), {"md5", "kAFQmDzST7DWlj99KOF/cg=="}}) {
    std::atomic<int> calls{0};
    RangeDigest digest(algorithm, {bytes("a"), {}, bytes("bc")}, workers, [&] { ++calls; });
    digest.wait();
    EXPECT_TRUE(digest.done());
    EXPECT_EQ(base64(digest.result()), expected);
    EXPECT_EQ(calls, 1);
  }
}

TEST(RangeDigest, IsDoneAtOnceWithoutWorkers) {
  ChecksumWorkers none(0);
  EXPECT_FALSE(none.available());
  int calls = 0;
  const RangeDigest digest("sha1", {bytes("abc")}, none, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(digest.done());
  EXPECT_EQ(base64(digest.result()), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
}

TEST(RangeDigest, DigestsAnEmptyRange) {
  ChecksumWorkers workers(1);
  RangeDigest digest("sha1", {}, workers, [] {});
  digest.wait();
  EXPECT_EQ(base64(digest.result()), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
}

TEST(RangeDigest, ReportsAvailableAlgorithms) {
  EXPECT_TRUE(RangeDigest::available("sha512"));
  EXPECT_FALSE(RangeDigest::available("crc32"));
}

TEST(Base64, MatchesRfc4648Examples) {
  for (const auto& [text, expected] :
       {std::pair("", ""), {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}})
    EXPECT_EQ(base64(text), expected);
}

}  // namespace
}  // namespace sluice::range_digest_test
