#include "engine/upload/file_in_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/engine/upload/fake_lane.h"
#include "tests/engine/upload/fake_transport.h"
#include "tests/engine/upload/manual_clock.h"

namespace sluice::file_in_parts_test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::size_t block_bytes = 100;
/// Length in bytes of each part; the last part is 50 bytes shorter.
constexpr std::uint64_t part_bytes = 3 * block_bytes;

class FileInPartsTest : public testing::Test {
 protected:
  void make(std::size_t parts, unsigned first_lanes, unsigned most_lanes) {
    for (std::size_t i = 0; i < parts; ++i) {
      const std::uint64_t end = (i + 1) * part_bytes - (i + 1 == parts ? 50 : 0);
      lanes_.push_back(std::make_shared<FakeLane>(ByteRange{i * part_bytes, end}));
      lanes_.back()->url = "https://bank.example/part/" + std::to_string(i);
    }
    file_ = std::make_shared<FileInParts>(
        FileInParts::Setting{.parts = {lanes_.begin(), lanes_.end()},
                             .first_lanes = first_lanes,
                             .most_lanes = most_lanes,
                             .file = "scan.h5",
                             .block_bytes = block_bytes,
                             .log = [this](LogLevel, const std::string& line) { log_ = line; }});
  }
  void begin(std::size_t parts, unsigned first_lanes, unsigned most_lanes) {
    make(parts, first_lanes, most_lanes);
    file_->begin(
        transport_, [this] { ++progress_; },
        [this](Preparation::Outcome outcome) {
          ++over_;
          outcome_ = std::move(outcome);
        });
  }
  void end_part(std::size_t index, Report::Status status = Report::Status::registered) {
    lanes_[index]->report.status = status;
    lanes_[index]->over();
    transport_.run();
  }
  int started() const {
    int count = 0;
    for (const auto& lane : lanes_) count += lane->started;
    return count;
  }
  /// Advances the clock by `time` and runs the work that becomes due.
  void pass(std::chrono::milliseconds time) {
    const auto end = clock_.now + time;
    while (transport_.next_due() && *transport_.next_due() <= end) {
      clock_.now = *transport_.next_due();
      transport_.run_until(clock_.now);
    }
    clock_.now = end;
  }

  test::ManualClock clock_;
  test::FakeTransport transport_;
  std::vector<std::shared_ptr<FakeLane>> lanes_;
  std::shared_ptr<FileInParts> file_;
  int progress_ = 0;
  int over_ = 0;
  Preparation::Outcome outcome_;
  std::string log_;
};

TEST_F(FileInPartsTest, ReturnsPartsInFileOrder) {
  begin(3, 3, 3);
  EXPECT_EQ(log_, "uploading scan.h5 in 3 parts, at most 3 at a time");
  EXPECT_EQ(started(), 3);
  end_part(2);
  end_part(0);
  EXPECT_TRUE(file_->is_running());
  EXPECT_EQ(over_, 0);
  end_part(1);
  EXPECT_FALSE(file_->is_running());
  EXPECT_EQ(over_, 1);
  EXPECT_FALSE(outcome_.failure);
  ASSERT_EQ(outcome_.parts.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(outcome_.parts[i].url, "https://bank.example/part/" + std::to_string(i));
    EXPECT_EQ(outcome_.parts[i].size, i == 2 ? part_bytes - 50 : part_bytes);
  }
}

/// A part reports its end on the network thread of its own upload.
TEST_F(FileInPartsTest, HandlesEndOfPartOnOwnThread) {
  begin(2, 1, 1);
  lanes_[0]->over();
  EXPECT_EQ(started(), 1);
  transport_.run();
  EXPECT_EQ(started(), 2);
}

TEST_F(FileInPartsTest, CountsRepeatedEndOfPartOnce) {
  begin(2, 2, 2);
  end_part(0);
  end_part(0);
  EXPECT_EQ(over_, 0);
  end_part(1);
  EXPECT_EQ(over_, 1);
}

TEST_F(FileInPartsTest, CancelsOtherPartsWhenPartFails) {
  begin(4, 3, 3);
  lanes_[1]->report.error = Error{ErrorKind::unreachable, "no route"};
  end_part(1, Report::Status::failed);
  EXPECT_EQ(lanes_[0]->cancelled, 1);
  EXPECT_EQ(lanes_[2]->cancelled, 1);
  EXPECT_EQ(over_, 0) << "two parts are running";
  end_part(0);
  end_part(2, Report::Status::interrupted);
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(started(), 3);
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->status, Report::Status::failed);
  EXPECT_EQ(outcome_.failure->error->message, "no route");
}

TEST_F(FileInPartsTest, CancelWaitsForRunningParts) {
  begin(4, 2, 2);
  file_->cancel();
  EXPECT_EQ(lanes_[0]->cancelled + lanes_[1]->cancelled, 2);
  EXPECT_TRUE(file_->is_running());
  end_part(0, Report::Status::interrupted);
  EXPECT_EQ(over_, 0);
  end_part(1, Report::Status::interrupted);
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(started(), 2);
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->status, Report::Status::interrupted);
}

TEST_F(FileInPartsTest, ReportsProgressFourTimesASecond) {
  begin(1, 1, 1);
  EXPECT_EQ(log_, "uploading scan.h5 in 1 part, at most 1 at a time");
  EXPECT_EQ(progress_, 1);
  pass(1000ms);
  EXPECT_EQ(progress_, 5);
  end_part(0);
  pass(1000ms);
  EXPECT_EQ(progress_, 5);
  EXPECT_FALSE(transport_.next_due());
}

TEST_F(FileInPartsTest, LivesUntilPartsHaveEnded) {
  begin(1, 1, 1);
  const std::weak_ptr<FileInParts> weak = file_;
  file_.reset();
  EXPECT_FALSE(weak.expired());
  end_part(0);
  EXPECT_EQ(over_, 1);
  pass(1000ms);
  EXPECT_TRUE(weak.expired());
  end_part(0);  // must not use the destroyed file
}

TEST_F(FileInPartsTest, StartsMorePartsWhileRateGrows) {
  begin(8, 1, 4);
  EXPECT_EQ(started(), 1);
  for (int i = 0; i < 40; ++i) {
    for (const auto& lane : lanes_) {
      if (lane->started == 0) continue;
      lane->done.transmitted += 10'000'000;
      lane->connection = Answer::Network{.round_trip = 20ms, .least_round_trip = 20ms};
    }
    pass(250ms);
  }
  EXPECT_EQ(started(), 4);
  Report report;
  file_->add_to(report);
  EXPECT_EQ(report.lanes, 4U);
}

TEST_F(FileInPartsTest, FindsBlockThatDiffers) {
  make(2, 1, 1);
  lanes_[0]->checksums.checksums = {10, 11, 12};
  lanes_[1]->checksums.first = 1;  // the checksum of block 3 is not known
  lanes_[1]->checksums.checksums = {14, 15};
  FileCheck::Digests checked;
  checked.checksums = {10, 11, 12, 99, 14, 15};
  EXPECT_TRUE(file_->compare(checked));
  for (const std::size_t block : {0U, 2U, 4U, 5U}) {
    FileCheck::Digests other = checked;
    other.checksums[block] = 1;
    const auto compared = file_->compare(other);
    ASSERT_FALSE(compared) << block;
    EXPECT_EQ(compared.error().kind, ErrorKind::local_file);
    EXPECT_THAT(compared.error().message,
                HasSubstr("scan.h5: the file changed during the upload: the block at offset " +
                          std::to_string(block * block_bytes) + " differs"));
  }
  checked.checksums.pop_back();
  const auto compared = file_->compare(checked);
  ASSERT_FALSE(compared) << "the file has lost a block that was sent";
  EXPECT_THAT(compared.error().message, HasSubstr("offset 500 "));
}

TEST_F(FileInPartsTest, AddsReportsOfParts) {
  make(2, 2, 2);
  for (const std::uint64_t i : {1U, 2U}) {
    FakeLane& lane = *lanes_[i - 1];
    lane.done.committed = 100 * i;
    lane.done.sent = 200 * i;
    lane.done.transmitted = 300 * i;
    lane.done.total = 400 * i;
    lane.done.stages.send.busy_s = static_cast<double>(i);
    lane.report.chunks = 10 * i;
    lane.report.retries = 20 * i;
    lane.report.resumed_from = 30 * i;
    lane.report.stages.read.busy_s = static_cast<double>(i);
  }
  Report report;
  report.chunks = 1;  // the join request
  report.committed = 7;
  file_->add_to(report);
  EXPECT_EQ(report.lanes, 0U) << "not started";
  EXPECT_EQ(report.committed, 300U);
  EXPECT_EQ(report.chunks, 31U);
  EXPECT_EQ(report.retries, 60U);
  EXPECT_EQ(report.resumed_from, 90U);
  EXPECT_EQ(report.stages.read.busy_s, 3);
  const Progress progress = file_->progress();
  EXPECT_EQ(progress.committed, 300U);
  EXPECT_EQ(progress.sent, 600U);
  EXPECT_EQ(progress.transmitted, 900U);
  EXPECT_EQ(progress.stages.send.busy_s, 3);
}

TEST_F(FileInPartsTest, WaitsForThreadsOfEveryPart) {
  make(3, 1, 1);
  file_->wait_for_threads();
  for (const auto& lane : lanes_) EXPECT_EQ(lane->settled, 1);
}

}  // namespace
}  // namespace sluice::file_in_parts_test
