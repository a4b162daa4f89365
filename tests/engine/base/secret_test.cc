#include "engine/base/secret.h"

#include <gtest/gtest.h>

namespace sluice::secret_test {
namespace {

TEST(Secret, RedactsEveryOccurrence) {
  const Secret secret("abcab");
  EXPECT_EQ(secret.redact("abcab and abcabcab"), "[token] and [token]cab");
  EXPECT_EQ(secret.redact("nothing"), "nothing");
}

TEST(Secret, AnEmptyOneRedactsNothing) {
  EXPECT_EQ(Secret().redact("text"), "text");
}

TEST(Secret, ATokenInsideTheMarkDoesNotLoop) {
  EXPECT_EQ(Secret("e").redact("ee"), "[token][token]");
}

TEST(Secret, WipesBytes) {
  std::string text = "secret";
  Secret::wipe(text);
  EXPECT_EQ(text, std::string(6, '\0'));
}

}  // namespace
}  // namespace sluice::secret_test
