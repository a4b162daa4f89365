#include "tools/sluice/run/transfers.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::cli::transfers_test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Records the calls.
class FakeUpload final : public Upload {
 public:
  FakeUpload(std::string name, Progress progress, std::vector<std::string>& log)
      : name_(std::move(name)), progress_(progress), log_(log) {}
  ~FakeUpload() override { log_.push_back("gone " + name_); }
  Progress progress() const override { return progress_; }
  void cancel() override { log_.push_back("cancel " + name_); }
  bool wait_until(Clock::time_point) override { return true; }
  Report wait() override {
    Report report;
    report.name = name_;
    return report;
  }

 private:
  const std::string name_;
  const Progress progress_;
  std::vector<std::string>& log_;
};

class TransfersTest : public testing::Test {
 protected:
  std::unique_ptr<Upload> upload(const std::string& name, Progress progress = {}) {
    return std::make_unique<FakeUpload>(name, progress, log_);
  }

  std::vector<std::string> log_;
};

TEST_F(TransfersTest, ReturnsEachEndedUploadOnce) {
  Transfers transfers;
  transfers.add(7, upload("seven"));
  transfers.add(3, upload("three"));
  EXPECT_EQ(transfers.count(), 2U);
  EXPECT_FALSE(transfers.wait_until(Clock::now())) << "none of them has ended";
  transfers.on_over(3)();
  EXPECT_EQ(transfers.wait_until(Clock::now()), 3U);
  EXPECT_FALSE(transfers.wait_until(Clock::now()));
  EXPECT_EQ(transfers.take(3).name, "three");
  EXPECT_EQ(transfers.count(), 1U);
  EXPECT_EQ(log_, std::vector<std::string>{"gone three"});
}

/// An upload may end before start() has returned.
TEST_F(TransfersTest, AcceptsUploadThatEndedBeforeAdd) {
  Transfers transfers;
  transfers.on_over(0)();
  transfers.add(0, upload("quick"));
  EXPECT_EQ(transfers.wait_until(Clock::now()), 0U);
}

TEST_F(TransfersTest, WakesUpAtEndOfUpload) {
  Transfers transfers;
  transfers.add(0, upload("one"));
  std::thread network([over = transfers.on_over(0)] { over(); });
  EXPECT_EQ(transfers.wait_until(Clock::now() + 1min), 0U);
  network.join();
}

TEST_F(TransfersTest, ReturnsProgressOfEach) {
  Transfers transfers;
  transfers.add(3, upload("one", {100, 50, 30}));
  transfers.add(1, upload("two", {1000, 7, 0}));
  const auto each = transfers.progress();
  ASSERT_EQ(each.size(), 2U);
  EXPECT_EQ(each[0].first, 1U);
  EXPECT_EQ(each[0].second.sent, 7U);
  EXPECT_EQ(each[1].first, 3U);
  EXPECT_EQ(each[1].second.committed, 30U);
}

/// Otherwise each would end before the next one is cancelled.
TEST_F(TransfersTest, CancelsAllBeforeDestroyingFirst) {
  {
    Transfers transfers;
    transfers.add(0, upload("one"));
    transfers.add(1, upload("two"));
  }
  ASSERT_EQ(log_.size(), 4U);
  EXPECT_EQ(log_[0], "cancel one");
  EXPECT_EQ(log_[1], "cancel two");
}

}  // namespace
}  // namespace sluice::cli::transfers_test
