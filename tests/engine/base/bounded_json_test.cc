#include "engine/base/bounded_json.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::bounded_json_test {
namespace {

TEST(BoundedJson, RejectsTooDeepNesting) {
  EXPECT_EQ(parse_bounded(R"({"a":[1]})", 2)["a"][0], 1);
  EXPECT_TRUE(parse_bounded(R"({"a":[{"b":1}]})", 2).is_discarded());
  EXPECT_TRUE(parse_bounded(R"([[[[1]]],2])", 2).is_discarded())
      << "the text after the deep array is valid";
  // Without a limit, this input would overflow the stack.
  EXPECT_TRUE(parse_bounded(std::string(1'000'000, '['), 8).is_discarded());
}

TEST(BoundedJson, DiscardsInvalidJson) {
  for (const char* bad : {"", "{", "nil", "{} {}", "\xff"})
    EXPECT_TRUE(parse_bounded(bad, 8).is_discarded()) << bad;
}

}  // namespace
}  // namespace sluice::bounded_json_test
