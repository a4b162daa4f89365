#include "tools/sluice/display/text_width.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sluice::cli::text_width_test {
namespace {

std::string times(std::size_t count, const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

TEST(TextWidthTest, CountsColumnsAndNotBytesOrCodePoints) {
  EXPECT_EQ(text_width(""), 0U);
  EXPECT_EQ(text_width("scan.h5"), 7U);
  EXPECT_EQ(text_width("Größe"), 5U);
  EXPECT_EQ(text_width("e\u0301"), 1U) << "a combining accent";
  EXPECT_EQ(text_width("\u6570\u636E"), 4U) << "two CJK characters";
  EXPECT_EQ(text_width("\uFF76\uFF9E"), 2U) << "halfwidth katakana with a halfwidth mark";
  EXPECT_EQ(text_width("\U0001F600"), 2U) << "an emoji";
  EXPECT_EQ(text_width("\u200B"), 0U) << "a zero width space";
  EXPECT_EQ(text_width("\u2764\uFE0F"), 2U) << "a heart shown as an emoji";
  EXPECT_EQ(text_width("\u0E01\u0E33"), 2U) << "Thai sara am";
}

TEST(TextWidthTest, CountsInvalidBytesAsOneColumnEach) {
  EXPECT_EQ(text_width("a\xFF\xC3"), 3U);
}

TEST(TextWidthTest, ShortensInTheMiddle) {
  EXPECT_EQ(shorten("measurement.h5", 14), "measurement.h5");
  EXPECT_EQ(shorten("measurement.h5", 13), "measur\u2026ent.h5");
  EXPECT_EQ(shorten("measurement.h5", 8), "meas\u2026.h5");
  EXPECT_EQ(shorten("measurement.h5", 2), "m\u2026");
  EXPECT_EQ(shorten("measurement.h5", 1), "\u2026");
  EXPECT_EQ(shorten("measurement.h5", 0), "");
}

TEST(TextWidthTest, NeverExceedsTheColumnsNorCutsACharacter) {
  const std::string accented = times(30, "e\u0301");
  const std::string family = times(5, "\U0001F469\u200D\U0001F467");
  for (const std::string& text :
       {std::string(200, 'x'), times(40, "\u6570"), accented, family, times(10, "a\u6570\u0308"),
        times(9, "\xFFq"), times(7, "\U0001F1E9\U0001F1EA")}) {
    for (std::size_t columns = 0; columns < 60; ++columns) {
      const std::string shown = shorten(text, columns);
      EXPECT_LE(text_width(shown), columns) << text;
      // Wide characters may leave up to two columns unused on each side.
      EXPECT_GE(text_width(shown) + 4, std::min(columns, text_width(text))) << shown;
    }
  }
  EXPECT_EQ(shorten(accented, 5), times(2, "e\u0301") + "\u2026" + times(2, "e\u0301"));
  EXPECT_EQ(shorten(times(40, "\u6570"), 6), "\u6570\u2026\u6570");
}

TEST(TextWidthTest, CountsRowsOfWrappedLine) {
  EXPECT_EQ(wrapped_rows("", 10), 1U);
  EXPECT_EQ(wrapped_rows(std::string(10, 'x'), 10), 1U);
  EXPECT_EQ(wrapped_rows(std::string(11, 'x'), 10), 2U);
  EXPECT_EQ(wrapped_rows(times(10, "e\u0301"), 10), 1U);
  EXPECT_EQ(wrapped_rows(times(4, "\u6570"), 4), 2U);
  EXPECT_EQ(wrapped_rows(times(4, "\u6570"), 5), 2U);
  EXPECT_EQ(wrapped_rows(times(4, "\u6570"), 3), 4U) << "a column stays free in each row";
  EXPECT_EQ(wrapped_rows("\u6570", 1), 1U);
}

}  // namespace
}  // namespace sluice::cli::text_width_test
