#include "tools/sluice/run/outcomes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::cli::outcomes_test {
namespace {

using Status = Report::Status;
using testing::HasSubstr;

Report report(const std::string& name, Status status) {
  Report one;
  one.name = one.file = name;
  one.status = status;
  return one;
}

Outcomes outcomes_of(const std::vector<Report>& reports) {
  Outcomes outcomes(/*json=*/false);
  for (std::size_t i = 0; i < reports.size(); ++i) outcomes.add(i, reports[i]);
  return outcomes;
}

std::string json(Outcomes& outcomes) {
  std::string text;
  outcomes.write_json([&](const std::string& piece) { text += piece; });
  return text;
}

TEST(OutcomesTest, SummaryNamesUnregisteredFiles) {
  std::vector<Report> reports{
      report("a", Status::registered),         report("b", Status::failed),
      report("c", Status::unconfirmed),        report("d", Status::registered),
      report("e\033[2J", Status::interrupted), report("f", Status::skipped)};
  EXPECT_EQ(outcomes_of(reports).summary_line(false),
            "2 registered, 1 unconfirmed (c), 1 failed (b), 1 interrupted (e?[2J), 1 not started "
            "(f)");
  reports[3].registered_before = "2026-02-03T05:00:38Z";
  EXPECT_THAT(outcomes_of(reports).summary_line(false),
              HasSubstr("1 registered, 1 already registered, "));
  EXPECT_THAT(outcomes_of(reports).summary_line(true), HasSubstr(", 1 would be uploaded"));
  EXPECT_TRUE(outcomes_of(reports).is_incomplete());
}

TEST(OutcomesTest, SummaryNamesFiveOfEachKind) {
  std::vector<Report> reports;
  for (const char* name : {"1", "2", "3", "4", "5"})
    reports.push_back(report(name, Status::failed));
  EXPECT_EQ(outcomes_of(reports).summary_line(false), "5 failed (1, 2, 3, 4, 5)");
  reports.push_back(report("6", Status::failed));
  reports.push_back(report("7", Status::failed));
  EXPECT_FALSE(outcomes_of(reports).is_incomplete());
  EXPECT_EQ(outcomes_of(reports).summary_line(false), "7 failed (1, 2, 3, 4, 5 and 2 more)");
}

TEST(OutcomesTest, SummaryNamesFirstFilesByNumber) {
  Outcomes outcomes(/*json=*/false);
  for (std::size_t i = 10; i-- > 0;) outcomes.add(i, report(std::to_string(i), Status::failed));
  EXPECT_EQ(outcomes.summary_line(false), "10 failed (0, 1, 2, 3, 4 and 5 more)");
}

TEST(OutcomesTest, JsonHasUploadsInOrder) {
  Outcomes outcomes(/*json=*/true);
  outcomes.add(1, report("second", Status::failed));
  outcomes.add(0, report("first", Status::registered));
  const std::string text = json(outcomes);
  EXPECT_LT(text.find("first"), text.find("second"));
  EXPECT_THAT(text, HasSubstr("},{"));
  EXPECT_THAT(text, testing::EndsWith("]}"));
}

TEST(OutcomesTest, JsonWithoutUploads) {
  Outcomes outcomes(/*json=*/true);
  EXPECT_THAT(json(outcomes), HasSubstr("\"uploads\":[]}"));
}

TEST(OutcomesTest, CountsSkippedFiles) {
  Outcomes outcomes(/*json=*/true);
  outcomes.add(0, report("a", Status::registered), R"("more":1)");
  outcomes.add_left_out(R"({"file":"link"})");
  outcomes.add_left_out(R"({"file":"pipe"})");
  outcomes.count_left_out(3);
  outcomes.add_field(R"("run":2)");
  EXPECT_EQ(outcomes.left_out(), 5U);
  EXPECT_EQ(outcomes.count(), 1U);
  EXPECT_EQ(outcomes.summary_line(false), "1 registered, 5 left out");
  const std::string text = json(outcomes);
  EXPECT_THAT(text, HasSubstr(R"(,"more":1})"));
  EXPECT_THAT(text, HasSubstr(R"(,"run":2)"));
  EXPECT_THAT(text, HasSubstr(R"("left_out":[{"file":"link"},{"file":"pipe"}])"));
}

/// sluice-put(1), EXIT STATUS: codes that concern most of the run are worse.
TEST(OutcomesTest, ReturnsWorstCode) {
  const std::vector<int> order{130, 8, 3, 4, 7, 1, 5, 6, 2, 0};
  for (std::size_t worse = 0; worse < order.size(); ++worse)
    for (std::size_t better = worse; better < order.size(); ++better) {
      Outcomes one(/*json=*/false);
      one.note_code(order[worse]);
      one.note_code(order[better]);
      EXPECT_EQ(one.code(), order[worse]);
      Outcomes other(/*json=*/false);
      other.note_code(order[better]);
      other.note_code(order[worse]);
      EXPECT_EQ(other.code(), order[worse]);
    }
}

}  // namespace
}  // namespace sluice::cli::outcomes_test
