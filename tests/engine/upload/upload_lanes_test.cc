// The order and number of running parts (engine/upload/lanes.h), and the measurement of the round
// trip before them.
#include <atomic>
#include <thread>

#include "engine/journal/journal.h"
#include "engine/upload/lanes.h"
#include "tests/engine/upload/fake_lane.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::upload_lanes_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LanesTest : public testing::Test {
 protected:
  Lanes& make(std::size_t parts, unsigned first, unsigned most) {
    Lanes::Setting setting{.parts = {}, .first = first, .most = most};
    for (std::size_t i = 0; i < parts; ++i) {
      parts_.push_back(std::make_shared<FakeLane>());
      setting.parts.push_back(parts_.back());
    }
    lanes_ = std::make_unique<Lanes>(std::move(setting), [this] { ++over_; });
    lanes_->start(now_);
    return *lanes_;
  }
  std::vector<int> started() const {
    std::vector<int> numbers;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      if (parts_[i]->started) numbers.push_back(static_cast<int>(i));
    return numbers;
  }
  /// Each lane sends for a second at `rate` bytes per second, over connections whose packets wait
  /// in queues for `queue` times 50 ms.
  void send(std::uint64_t rate, double queue) {
    for (int i = 0; i < 4; ++i) {
      for (const auto& part : parts_) {
        if (!part->started) continue;
        part->done.transmitted += rate / 4;
        part->connection = Answer::Network{
            .round_trip = std::chrono::microseconds(static_cast<int>(50'000 * (1 + queue))),
            .least_round_trip = 50ms};
      }
      now_ += 250ms;
      lanes_->look(now_);
    }
  }

  std::vector<std::shared_ptr<FakeLane>> parts_;
  std::unique_ptr<Lanes> lanes_;
  Lanes::Clock::time_point now_{1h};
  int over_ = 0;
};

TEST_F(LanesTest, StartsOnePartForEachEndedPart) {
  Lanes& lanes = make(4, 2, 2);
  EXPECT_THAT(started(), ElementsAre(0, 1));
  lanes.part_over(1);
  EXPECT_THAT(started(), ElementsAre(0, 1, 2));
  lanes.part_over(1);  // reported twice
  EXPECT_THAT(started(), ElementsAre(0, 1, 2));
  for (const std::size_t part : {0U, 2U}) lanes.part_over(part);
  EXPECT_EQ(over_, 0);
  EXPECT_TRUE(lanes.under_way());
  lanes.part_over(3);
  EXPECT_EQ(over_, 1);
  EXPECT_FALSE(lanes.under_way());
  EXPECT_FALSE(lanes.failure());
}

/// With two blocks for each lane, each block would wait for the journal's disk.
TEST_F(LanesTest, DividesPoolAmongRunningParts) {
  Lanes& lanes = make(8, 2, 8);
  EXPECT_EQ(parts_[0]->sharing, 2U);
  send(20'000'000, 0.1);
  send(20'000'000, 0.1);
  for (const std::size_t part : {0U, 1U, 2U, 3U}) EXPECT_EQ(parts_[part]->sharing, 4U) << part;
  for (const std::size_t part : {0U, 1U, 2U, 3U, 4U}) lanes.part_over(part);
  EXPECT_EQ(parts_[7]->sharing, 3U) << "no part is left to replace two ended parts";
}

TEST_F(LanesTest, ReportsFirstFailure) {
  Lanes& lanes = make(4, 2, 2);
  parts_[1]->report.status = Status::failed;
  lanes.part_over(1);
  EXPECT_TRUE(parts_[0]->cancelled);
  EXPECT_EQ(over_, 0) << "the other part is still running";
  parts_[0]->report.status = Status::interrupted;
  lanes.part_over(0);
  EXPECT_EQ(over_, 1);
  ASSERT_TRUE(lanes.failure());
  EXPECT_EQ(lanes.failure()->status, Status::failed);
  EXPECT_THAT(started(), ElementsAre(0, 1));
}

TEST_F(LanesTest, AddsLanesUnlessLinkIsFull) {
  make(8, 2, 8);
  send(20'000'000, 0.1);
  send(20'000'000, 0.1);
  EXPECT_EQ(started().size(), 4U);
  for (int i = 0; i < 20; ++i) send(20'000'000, 0.9);
  EXPECT_EQ(started().size(), 4U);
  EXPECT_EQ(lanes_->widest(), 4U);
}

TEST_F(LanesTest, IgnoresConnectionsOfEndedParts) {
  Lanes& lanes = make(8, 2, 8);
  send(20'000'000, 0.9);
  parts_[0]->connection = parts_[1]->connection;
  lanes.part_over(0);
  lanes.part_over(1);
  for (const std::size_t gone : {0U, 1U})
    parts_[gone]->started = false;  // its connection keeps the old values
  for (int i = 0; i < 3; ++i) send(20'000'000, 0.1);
  EXPECT_GE(lanes.widest(), 4U);
}

// --- With a server -------------------------------------------------------------------------------

class Distance : public UploadTest {
 protected:
  Distance() {
    // A sparse file: none of it is sent.
    write("scan.h5", 0);
    std::filesystem::resize_file(directory_ / "scan.h5", 256U << 20);
    options_.block_bytes = 1U << 20;
    options_.pool_bytes = 4U << 20;
    options_.state_dir = state_.path();
  }
  ~Distance() override { engine_.reset(); }

  /// A cached profile: extensions, but no round trip.
  UploadRequest tus() {
    UploadRequest request = UploadTest::request();
    request.server.protocol = ProtocolKind::tus;
    request.server.tus.extensions = {"creation", "concatenation"};
    request.server.remembered = true;
    return request;
  }
  TempDir state_;
};

/// Otherwise the question would time out after 30 s, and the upload would begin.
TEST_F(Distance, StopEndsMeasurementOfSilentServer) {
  server_.set_faults({{.phase = Phase::any, .occurrence = -1, .then = Then::hold}});
  UploadRequest request = tus();
  std::atomic<bool> stop = false;
  request.stop = [&] { return stop.load(); };
  Result<std::unique_ptr<Upload>> upload = Error{ErrorKind::failed, "not started"};
  std::thread starter([&] { upload = engine().start(request); });
  ASSERT_TRUE(server_.wait_for(Phase::options));
  stop = true;
  starter.join();
  ASSERT_FALSE(upload);
  EXPECT_EQ(upload.error().kind, ErrorKind::interrupted) << upload.error().message;
  EXPECT_THAT(upload.error().message, HasSubstr("scan.h5"));
  const auto journal = Journal::open(state_.path());
  ASSERT_TRUE(journal);
  EXPECT_TRUE((*journal)->list(/*finished_too=*/true)->entries.empty()) << "no upload was started";
}

}  // namespace
}  // namespace sluice::upload_lanes_test
