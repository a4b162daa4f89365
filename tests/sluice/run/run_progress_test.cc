#include "tools/sluice/run/run_progress.h"

#include <gtest/gtest.h>

namespace sluice::cli::run_progress_test {
namespace {

using namespace std::chrono_literals;
constexpr RunProgress::Clock::time_point begin{};

Progress at(std::uint64_t total, std::uint64_t sent, std::uint64_t transmitted) {
  return {.total = total, .sent = sent, .committed = sent / 2, .transmitted = transmitted};
}

Report registered(std::uint64_t bytes) {
  Report report;
  report.status = Report::Status::registered;
  report.bytes = report.committed = bytes;
  return report;
}

TEST(RunProgressTest, AddsTransfersAndFinishedFiles) {
  RunProgress progress(4, 10'000);
  progress.transfer_started(0, "a");
  progress.transfer_started(1, "b");
  progress.update(0, at(1000, 100, 100), begin);
  progress.update(1, at(5000, 500, 500), begin);
  progress.transfer_ended(0, registered(1000));
  progress.file_finished(1000, true);
  progress.file_finished(700, false);
  const RunTotals totals = progress.totals();
  EXPECT_EQ(totals.files, 4U);
  EXPECT_EQ(totals.finished, 2U);
  EXPECT_EQ(totals.transfers, 1U);
  EXPECT_EQ(totals.bytes, 10'000U);
  EXPECT_EQ(totals.sent, 2200U);
  EXPECT_EQ(totals.committed, 1250U);
}

/// A resumed file starts at its offset, and a failed file does not count as sent.
TEST(RunProgressTest, MeasuresRateOnNetwork) {
  RunProgress progress(3, 1'000'000);
  progress.transfer_started(0, "resumed");
  progress.update(0, at(900'000, 0, 0), begin);
  progress.update_totals(begin);
  progress.file_finished(50'000, false);
  progress.update(0, at(900'000, 501'000, 1000), begin + 1s);
  progress.update_totals(begin + 1s);
  EXPECT_DOUBLE_EQ(progress.totals().bytes_per_second, 1000);
  EXPECT_DOUBLE_EQ(progress.totals().seconds_left.value(), 449);
  EXPECT_EQ(progress.view().transfers.at(0).rate, "1.00 kB/s");
}

/// They start and end between two updates.
TEST(RunProgressTest, CountsSmallFilesInTheRate) {
  RunProgress progress(1000, 1'000'000);
  progress.update_totals(begin);
  for (std::size_t i = 0; i < 100; ++i) {
    progress.transfer_started(i, "small");
    Report report = registered(1000);
    report.stages.server.busy_s = 0.1;
    progress.transfer_ended(i, report);
    progress.file_finished(1000, true);
  }
  progress.update_totals(begin + 1s);
  EXPECT_DOUBLE_EQ(progress.totals().bytes_per_second, 100'000);
  EXPECT_EQ(progress.totals().bottleneck, Bottleneck::server);
}

TEST(RunProgressTest, DoesNotCountFilesOfEarlierRun) {
  RunProgress progress(2, 2000);
  progress.update_totals(begin);
  progress.transfer_started(0, "before");
  Report report = registered(1000);
  report.registered_before = "2026-11-28T10:51:55Z";
  progress.transfer_ended(0, report);
  progress.file_finished(1000, true);
  progress.update_totals(begin + 1s);
  EXPECT_EQ(progress.totals().bytes_per_second, 0);
  EXPECT_EQ(progress.totals().sent, 1000U);
}

TEST(RunProgressTest, ShowsTransfersInOrderAndTotal) {
  RunProgress progress(5, 10'000);
  progress.transfer_started(2, "two");
  progress.transfer_started(1, "one");
  const ProgressView view = progress.view();
  ASSERT_EQ(view.transfers.size(), 2U);
  EXPECT_EQ(view.transfers[0].what, "one");
  EXPECT_EQ(view.transfers[1].what, "two");
  EXPECT_EQ(view.total.what, "0 of 5 files");
}

TEST(RunProgressTest, ShowsOneFileAsTotal) {
  RunProgress progress(1, 1000);
  progress.transfer_started(0, "alone");
  progress.update(0, at(1000, 500, 500), begin);
  EXPECT_TRUE(progress.view().transfers.empty());
  EXPECT_EQ(progress.view().total.what, "alone");
  EXPECT_EQ(progress.view().total.state, "50 %");
}

}  // namespace
}  // namespace sluice::cli::run_progress_test
