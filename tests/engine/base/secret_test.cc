#include "engine/base/secret.h"

#include <gtest/gtest.h>

namespace sluice::secret_test {
namespace {

TEST(Secret, RedactsEveryOccurrence) {
  const Secret secret("abcab");
  EXPECT_EQ(secret.redact("abcab and abcabcab"), "[token] and [token]cab");
  EXPECT_EQ(secret.redact("nothing"), "nothing");
}

TEST(Secret, EmptySecretRedactsNothing) {
  EXPECT_EQ(Secret().redact("text"), "text");
}

TEST(Secret, RedactTerminatesIfMarkContainsSecret) {
  EXPECT_EQ(Secret("e").redact("ee"), "[token][token]");
}

TEST(Secret, WipesMovedFromValue) {
  for (const std::size_t size : {5U, 15U, 16U, 100U}) {
    Secret from(std::string(size, 'x'));
    const char* const bytes = from.reveal().data();
    const Secret moved = std::move(from);
    EXPECT_EQ(moved.reveal(), std::string(size, 'x'));
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move)
    if (size < 16) {            // SSO: the bytes are inside the object
      EXPECT_EQ(std::string(bytes, size), std::string(size, '\0'));
    }
    Secret assigned(std::string(20, 'y'));
    assigned = moved;
    EXPECT_EQ(assigned.reveal(), moved.reveal());
    from = std::move(assigned);
    EXPECT_EQ(from.reveal(), moved.reveal());
    EXPECT_TRUE(assigned.empty());  // NOLINT(bugprone-use-after-move)
  }
}

TEST(Secret, WipesBytes) {
  std::string text = "secret";
  Secret::wipe(text);
  EXPECT_EQ(text, std::string(6, '\0'));
}

}  // namespace
}  // namespace sluice::secret_test
