// Errors of DataBank::open().
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tools/databankd/store/data_bank.h"

namespace sluice::databankd::data_bank_test {
namespace {

using test::TempDir;
using testing::HasSubstr;

TEST(DataBank, RejectsInvalidKeysAndTokens) {
  const TempDir store;
  for (const char* wrong : {"", "..", "a/b", "a b", ".staging", "k\xc3\xa9y"}) {
    DataBank::Options options;
    options.store = store.path();
    options.tokens = {{wrong, "token"}};
    const auto bank = DataBank::open(options);
    ASSERT_FALSE(bank) << wrong;
    EXPECT_EQ(bank.error().kind, ErrorKind::usage);
  }
  DataBank::Options options;
  options.store = store.path();
  options.tokens = {{"TESTIDB-1234567", ""}};
  EXPECT_FALSE(DataBank::open(options));
}

TEST(DataBank, LocksItsStore) {
  const TempDir store;
  DataBank::Options options;
  options.store = store.path();
  const auto first = DataBank::open(options);
  ASSERT_TRUE(first);
  const auto second = DataBank::open(options);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another databankd"));
}

}  // namespace
}  // namespace sluice::databankd::data_bank_test
