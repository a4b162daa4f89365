#include "engine/protocol/deposit.h"

#include <gtest/gtest.h>

namespace sluice::deposit_test {
namespace {

TEST(Deposit, AcceptsKeysOfEverySystem) {
  for (const char* key : {"IDB-1234567", "TESTIDB-0000001", "local_1", "a"})
    EXPECT_TRUE(check_dataset_key(key)) << key;
}

TEST(Deposit, RejectsKeysWithUrlCharacters) {
  for (const char* key : {"", "IDB/1", "..", "IDB 1", "IDB-1?x=1", "IDB#1", "%2e", "IDB-1\n",
                          "http://x", "IDB-\xC3\xA9", "IDB.1"}) {
    const auto result = check_dataset_key(key);
    ASSERT_FALSE(result) << key;
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
  }
  EXPECT_TRUE(check_dataset_key(std::string(64, 'a')));
  EXPECT_FALSE(check_dataset_key(std::string(65, 'a')));
}

TEST(Deposit, AcceptsBaseNames) {
  for (const char* name : {"a", "two words.h5", "quote\"d.h5", "semi;colon", "Größe.csv", "...",
                           "-x", "back\\slash", "50%"})
    EXPECT_TRUE(check_deposit_name(name)) << name;
  EXPECT_TRUE(check_deposit_name(std::string(255, 'n')));
}

TEST(Deposit, RejectsPathsAndInvalidNames) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"),
        std::string("/etc/passwd"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("caf\xE9"), std::string(256, 'n'), std::string("a\x7f")}) {
    const auto result = check_deposit_name(name);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
  }
}

TEST(Deposit, AcceptsUpTo2TiB) {
  EXPECT_TRUE(check_file_size("x", 2199023255552));
  const auto result = check_file_size("big.raw", 2199023255553);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::local_file);
  EXPECT_NE(result.error().message.find("big.raw"), std::string::npos);
}

TEST(Deposit, RejectsTokensUnfitForHeadersWithoutQuotingThem) {
  EXPECT_TRUE(check_token("abcDEF0123+/=-_."));
  for (const char* token :
       {"", "two words", "line\nbreak", "quo\"te", "a,b", "caf\xC3\xA9", "tab\t"}) {
    const auto result = check_token(token);
    ASSERT_FALSE(result) << token;
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    if (*token != '\0') {
      EXPECT_EQ(result.error().message.find(token), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace sluice::deposit_test
