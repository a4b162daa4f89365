#include "engine/digest/digest_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::digest_kind_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(DigestKind, ParsesListInOrderWithoutDuplicates) {
  EXPECT_THAT(*parse_digests(""), IsEmpty());
  EXPECT_THAT(*parse_digests("md5"), ElementsAre(DigestKind::md5));
  EXPECT_THAT(*parse_digests("sha256,md5"), ElementsAre(DigestKind::sha256, DigestKind::md5));
  EXPECT_THAT(*parse_digests("md5,sha256,md5"), ElementsAre(DigestKind::md5, DigestKind::sha256));
}

TEST(DigestKind, RejectsUnknownNamesAndQuotesThem) {
  for (const char* text : {",", "md5,", ",md5", "MD5", "md5 ", "xxh128", "sha1", "md5;sha256"}) {
    const auto parsed = parse_digests(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_THAT(parsed.error().message, HasSubstr("md5, sha256 or md5,sha256"));
  }
  EXPECT_THAT(parse_digests("md5,sha1").error().message, HasSubstr("'sha1'"));
  EXPECT_THAT(parse_digests("\x1b[2J").error().message, HasSubstr("'?[2J'"));
}

TEST(DigestKind, ListTextRoundTrips) {
  for (const char* text : {"", "md5", "sha256", "sha256,md5"})
    EXPECT_EQ(to_string(*parse_digests(text)), text);
}

}  // namespace
}  // namespace sluice::digest_kind_test
