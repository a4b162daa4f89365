#include "tools/sluice/select/name_forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::cli::name_forms_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// "é" and the syllable "han", as one character and decomposed.
const std::string composed = "caf\u00e9.h5";
const std::string decomposed = "cafe\u0301.h5";
const std::string syllable = "\ud55c";
const std::string letters = "\u1112\u1161\u11ab";

TEST(NameForms, ComposesCanonicalEquivalents) {
  EXPECT_EQ(normal_form(decomposed), composed);
  EXPECT_EQ(normal_form(composed), composed);
  EXPECT_EQ(normal_form(letters), syllable);
  EXPECT_EQ(normal_form("\u212a"), "K");  // KELVIN SIGN
  EXPECT_EQ(normal_form("scan-0417.h5"), "scan-0417.h5");
  EXPECT_EQ(normal_form(""), "");
}

TEST(NameForms, KeepsSimilarCharacters) {
  EXPECT_NE(normal_form("\ufb01le"), "file");          // a ligature: only compatibility equivalent
  EXPECT_NE(normal_form("\u0430"), normal_form("a"));  // Cyrillic
  EXPECT_NE(normal_form("A"), normal_form("a"));
}

TEST(NameForms, KeepsInvalidUtf8) {
  EXPECT_EQ(normal_form("caf\xe9"), "caf\xe9");
}

TEST(NameForms, WarnsOfTwoFilesInSelection) {
  EXPECT_THAT(warn_of_look_alikes({composed, "a", decomposed}, {}, "IDB-1"),
              ElementsAre(AllOf(HasSubstr(decomposed), HasSubstr("another file"),
                                HasSubstr("decomposed (NFD)"), HasSubstr("composed (NFC)"))));
  EXPECT_THAT(warn_of_look_alikes({composed, letters}, {}, "IDB-1"), IsEmpty());
}

TEST(NameForms, WarnsOfFileInDataset) {
  EXPECT_THAT(warn_of_look_alikes({composed, "b"}, {"a", "b", decomposed, decomposed}, "IDB-1"),
              ElementsAre(AllOf(HasSubstr(composed), HasSubstr("dataset IDB-1"))));
  EXPECT_THAT(warn_of_look_alikes({composed}, {composed}, "IDB-1"), IsEmpty());
  // The second run of a command whose first run warned.
  EXPECT_THAT(warn_of_look_alikes({composed, decomposed}, {composed, decomposed}, "IDB-1"),
              SizeIs(1));
}

}  // namespace
}  // namespace sluice::cli::name_forms_test
