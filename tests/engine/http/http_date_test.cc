#include "engine/http/http_date.h"

#include <gtest/gtest.h>

namespace sluice::http_date_test {
namespace {

TEST(HttpDate, ParsesCompleteDatesOnly) {
  const auto time = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
  ASSERT_TRUE(time);
  EXPECT_EQ(std::chrono::system_clock::to_time_t(*time), 784111777);
  EXPECT_TRUE(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT "));
  for (const char* text : {"", "soon", "Sun, 06 Nov", "1994-11-06 08:49:37", "784111777",
                           "Sun, 06 Nov 1994 08:49:37 GMT, Mon, 07 Nov 1994 08:49:37 GMT"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

}  // namespace
}  // namespace sluice::http_date_test
