#include "engine/protocol/stored_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::stored_names_test {
namespace {

using testing::ElementsAre;

TEST(StoredNames, KeepsPlainNames) {
  for (const char* name : {"scan-0417.h5", "A_b+c.tar.gz", ".hidden", "9"})
    EXPECT_THAT(stored_names(name), ElementsAre(name));
}

TEST(StoredNames, ReplacesOtherCharactersByUnderscore) {
  EXPECT_THAT(stored_names("lost with space.bin"),
              ElementsAre("lost with space.bin", "lost_with_space.bin"));
  EXPECT_THAT(stored_names("a\"'%&()[],;#~!@$^={}b"),
              ElementsAre("a\"'%&()[],;#~!@$^={}b", "a___________________b"));
}

TEST(StoredNames, RemovesTextBeforeLastBackslash) {
  EXPECT_THAT(stored_names("a\\b.bin"), ElementsAre("a\\b.bin", "b.bin"));
  EXPECT_THAT(stored_names("a\\b c\\d e"), ElementsAre("a\\b c\\d e", "d_e"));
  EXPECT_THAT(stored_names("a\\"), ElementsAre("a\\", "a"));
  EXPECT_THAT(stored_names("\\"), ElementsAre("\\", "_"));
  EXPECT_THAT(stored_names("a\\.."), ElementsAre("a\\..", "_.."));
}

/// The characters: e with acute as one character and as two, an en dash, a superscript 2, a CJK
/// character.
TEST(StoredNames, KeepsNonAsciiLettersInNewerServersOnly) {
  EXPECT_THAT(stored_names("\xC3\xA9.bin"), ElementsAre("\xC3\xA9.bin", "_.bin"));
  EXPECT_THAT(stored_names("e\xCC\x81.bin"), ElementsAre("e\xCC\x81.bin", "e_.bin"));
  EXPECT_THAT(stored_names("\xE2\x80\x93\xC3\xA9"),
              ElementsAre("\xE2\x80\x93\xC3\xA9", "_\xC3\xA9", "__"));
  EXPECT_THAT(stored_names("m\xC2\xB2"), ElementsAre("m\xC2\xB2", "m_"));
  EXPECT_THAT(stored_names("\xE5\xA4\xA7"), ElementsAre("\xE5\xA4\xA7", "_"));
}

}  // namespace
}  // namespace sluice::stored_names_test
