#include "engine/upload/lanes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/engine/upload/fake_lane.h"

namespace sluice::lane_order_test {
namespace {

class LanesTest : public testing::Test {
 protected:
  Lanes::Setting setting(std::size_t parts, unsigned most) {
    for (std::size_t i = 0; i < parts; ++i) parts_.push_back(std::make_shared<FakeLane>());
    return {.parts = {parts_.begin(), parts_.end()}, .first = most, .most = most};
  }
  int started() const {
    int count = 0;
    for (const auto& part : parts_) count += part->started;
    return count;
  }

  std::vector<std::shared_ptr<FakeLane>> parts_;
  int over_ = 0;
};

TEST_F(LanesTest, StartsPartsInOrder) {
  Lanes lanes(setting(4, 2), [&] { ++over_; });
  lanes.start({});
  EXPECT_EQ(started(), 2);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(over_, 0);
    lanes.part_over(i);
    EXPECT_EQ(started(), std::min<int>(4, static_cast<int>(i) + 3));
  }
  EXPECT_EQ(over_, 1);
  EXPECT_FALSE(lanes.failure());
}

/// A part may succeed before the cancel reaches it: the part has ended then.
TEST_F(LanesTest, StartsNoPartAfterCancel) {
  Lanes lanes(setting(5, 2), [&] { ++over_; });
  lanes.start({});
  lanes.cancel();
  EXPECT_EQ(parts_[0]->cancelled + parts_[1]->cancelled, 2);
  lanes.part_over(0);
  EXPECT_EQ(over_, 0);
  lanes.part_over(1);
  EXPECT_EQ(started(), 2);
  EXPECT_EQ(over_, 1);
}

TEST_F(LanesTest, CancelsOthersAfterFirstFailure) {
  Lanes lanes(setting(5, 3), [&] { ++over_; });
  lanes.start({});
  parts_[1]->report.status = Report::Status::failed;
  lanes.part_over(1);
  EXPECT_EQ(parts_[0]->cancelled, 1);
  EXPECT_EQ(parts_[2]->cancelled, 1);
  lanes.part_over(0);
  parts_[2]->report.status = Report::Status::interrupted;
  lanes.part_over(2);
  EXPECT_EQ(started(), 3);
  EXPECT_EQ(over_, 1);
  ASSERT_TRUE(lanes.failure());
  EXPECT_EQ(lanes.failure()->status, Report::Status::failed);
}

}  // namespace
}  // namespace sluice::lane_order_test
