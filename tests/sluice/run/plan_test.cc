#include "tools/sluice/run/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::cli::plan_test {
namespace {

using Action = UploadPlan::Action;
using testing::EndsWith;
using testing::HasSubstr;

constexpr std::uint64_t mib = 1 << 20;

UploadPlan plan(Action action, std::uint64_t offset = 0) {
  UploadPlan one;
  one.action = action;
  one.offset = offset;
  return one;
}

/// Returns the totals of four files of 10 MiB: one new, one half sent, one to compare, one
/// registered before.
PlanTotals one_of_each() {
  PlanTotals totals;
  totals.add(plan(Action::upload), 10 * mib);
  totals.add(plan(Action::resume, 5 * mib), 10 * mib);
  totals.add(plan(Action::compare), 10 * mib);
  totals.add(plan(Action::none), 10 * mib);
  return totals;
}

nlohmann::json json(const PlanTotals& totals) {
  return nlohmann::json::parse("{" + totals.json() + "}").at("plan");
}

TEST(PlanTotalsTest, CountsBytesToSend) {
  EXPECT_EQ(json(one_of_each()), nlohmann::json({{"files", 4},
                                                 {"bytes", 40 * mib},
                                                 {"bytes_to_send", 15 * mib},
                                                 {"upload", 1},
                                                 {"resume", 1},
                                                 {"compare", 1},
                                                 {"none", 1},
                                                 {"bytes_per_second", nullptr},
                                                 {"seconds", nullptr}}));
  EXPECT_THAT(one_of_each().text(),
              HasSubstr("15.00 MiB of 40.00 MiB to send; how long is unknown"));
}

TEST(PlanTotalsTest, EstimatesTimeFromLastUploads) {
  PlanTotals totals = one_of_each();
  totals.set_rate(LastRate{.bytes_per_second = mib / 8.0, .files = 12});
  EXPECT_EQ(json(totals).at("seconds"), 120.0);
  EXPECT_EQ(json(totals).at("bytes_per_second"), mib / 8.0);
  EXPECT_THAT(totals.text(), HasSubstr("about 2 min 00 s at "));
  EXPECT_THAT(totals.text(), HasSubstr("the rate of the last 12 uploads"));
  totals.set_rate(LastRate{.bytes_per_second = mib / 8.0, .files = 1});
  EXPECT_THAT(totals.text(), EndsWith("the rate of the last upload"));
}

TEST(PlanTotalsTest, ReportsNothingToSend) {
  PlanTotals totals;
  EXPECT_TRUE(totals.empty());
  totals.add(plan(Action::none), mib);
  EXPECT_FALSE(totals.empty());
  EXPECT_EQ(totals.text(), "nothing to send");
}

TEST(PlanLineTest, PrintsOffsetOfResume) {
  Report report;
  report.file = "/data/a\nb.h5";
  report.name = "a\nb.h5";
  report.dataset = "IDB-1";
  report.bytes = 10 * mib;
  const std::string line =
      plan_line(report, plan(Action::resume, 5 * mib), ServerProfile{}, NameState::free);
  EXPECT_THAT(line, HasSubstr("(10.00 MiB) would be resumed at offset 5242880 (5.00 MiB)"));
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
}

}  // namespace
}  // namespace sluice::cli::plan_test
