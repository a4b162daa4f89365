#include "tools/sluice/display/report_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::cli::report_text_test {
namespace {

using Status = Report::Status;
using testing::HasSubstr;

Report report(const std::string& name, Status status) {
  Report one;
  one.name = one.file = name;
  one.status = status;
  return one;
}

TEST(ReportText, PrintsOneLineForOneOfSeveralFiles) {
  Report one = report("a\nb", Status::registered);
  one.xxh128 = "b3a091f6";
  one.md5 = "8c1f0b8a";
  const std::string line = summary_line(one);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_THAT(line, HasSubstr("xxh128 b3a091f6, md5 8c1f0b8a"));
}

TEST(ReportText, PrintsNameInDataset) {
  Report one = report("a b", Status::registered);
  EXPECT_THAT(summary(one), testing::Not(HasSubstr("changed")));
  one.registered_as = "a_b";
  EXPECT_THAT(summary(one), HasSubstr("as 'a_b'\n"));
  EXPECT_THAT(summary(one), HasSubstr("changed by the Data Bank, from 'a b'\n"));
  EXPECT_THAT(summary_line(one), HasSubstr("as 'a_b': "));
  EXPECT_THAT(summary_line(one), HasSubstr("changed by the Data Bank, from 'a b'"));
  one.registered_before = "2026-02-03T05:00:38Z";
  EXPECT_THAT(registered_before(one), HasSubstr("as 'a_b' at"));
}

/// A phased server would refuse a second file of that name.
TEST(ReportText, AdvisesRestartOnlyIfSecondFileIsPossible) {
  Report one = report("a", Status::registered);
  one.registered_before = "2026-02-03T05:00:38Z";
  one.protocol = "tus";
  EXPECT_THAT(registered_before(one), HasSubstr("--restart"));
  EXPECT_THAT(registered_before(one), HasSubstr("2026-02-03T05:00:38Z"));
  one.protocol = "phased";
  EXPECT_THAT(registered_before(one), testing::Not(HasSubstr("--restart")));
}

}  // namespace
}  // namespace sluice::cli::report_text_test
