// TransferCount against simulated servers and links, in virtual time.
#include "tools/sluice/run/transfer_count.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <random>
#include <vector>

namespace sluice::cli::transfer_count_test {
namespace {

using namespace std::chrono_literals;
using Reason = TransferCount::Reason;

constexpr double forever = 1e18;

/// A simulated server behind a link. Each file takes some round trips and then its bytes, which
/// share the link with those of other files.
struct World {
  double file_s = 0.15;           ///< without the time of the bytes
  double link = 100e6;            ///< bytes per second
  double connection = 30e6;       ///< bytes per second, at most
  std::size_t threads = 1000;     ///< files that the server processes at a time
  std::size_t files = 1'000'000;  ///< in total
  std::function<double()> file_bytes = [] { return 10'240.0; };
};

class Simulation {
 public:
  explicit Simulation(World world, unsigned most = TransferCount::most)
      : count(most), world_(std::move(world)), left_(world_.files) {}

  void run(std::chrono::milliseconds time) {
    const auto end = now + time;
    while (now < end && (left_ > 0 || !running_.empty())) {
      step();
      fill();
      update();
    }
  }
  /// Runs for `time`, and returns the mean number of uploads.
  double mean_count(std::chrono::milliseconds time) {
    double sum = 0;
    for (auto passed = 0ms; passed < time; passed += 100ms) {
      run(100ms);
      sum += count.count();
    }
    return sum * 100 / static_cast<double>(time.count());
  }
  /// Runs for `time`, and returns the rates.
  TransferCount::Rates rates(std::chrono::milliseconds time) {
    const std::uint64_t files_before = files;
    const double bytes_before = bytes;
    run(time);
    const double seconds = std::chrono::duration<double>(time).count();
    return {static_cast<double>(files - files_before) / seconds, (bytes - bytes_before) / seconds};
  }
  void update() {
    const auto change = count.update({.now = now,
                                      .bytes = static_cast<std::uint64_t>(bytes),
                                      .files = files,
                                      .running = running_.size(),
                                      .waiting = left_,
                                      .ceiling = ceiling});
    if (change) {
      changes.push_back(*change);
      highest = std::max(highest, change->to);
    }
  }
  World& world() { return world_; }
  std::size_t running() const { return running_.size(); }

  TransferCount count;
  TransferCount::Clock::time_point now{};
  double bytes = 0;
  std::uint64_t files = 0;
  std::optional<unsigned> ceiling;
  std::vector<TransferCount::Change> changes;
  unsigned highest = 0;
  bool is_stuck = false;  ///< the server does not respond

 private:
  struct File {
    double seconds;  ///< remaining before its bytes
    double bytes;    ///< remaining
  };

  void step() {
    constexpr auto length = 10ms;
    constexpr double length_s = 0.01;
    now += length;
    if (is_stuck) return;
    const std::size_t served = std::min(running_.size(), world_.threads);
    const auto sending = static_cast<double>(
        std::count_if(running_.begin(), running_.begin() + static_cast<std::ptrdiff_t>(served),
                      [](const File& file) { return file.seconds <= 0; }));
    const double share = std::min(world_.connection, sending > 0 ? world_.link / sending : 0);
    for (std::size_t i = 0; i < served; ++i) {
      File& file = running_[i];
      if (file.seconds > 0) {
        file.seconds -= length_s;
        continue;
      }
      const double sent = std::min(file.bytes, share * length_s);
      file.bytes -= sent;
      bytes += sent;
    }
    files += std::erase_if(running_,
                           [](const File& file) { return file.seconds <= 0 && file.bytes <= 0; });
  }
  void fill() {
    while (left_ > 0 && running_.size() < count.count()) {
      --left_;
      running_.push_back({world_.file_s, world_.file_bytes()});
    }
  }

  World world_;
  std::size_t left_;
  std::vector<File> running_;
};

/// Sizes of which a few have most of the bytes.
std::function<double()> heavy_tailed(double median, unsigned seed) {
  return [median, random = std::mt19937(seed),
          normal = std::normal_distribution<double>(0, 1)]() mutable {
    return median * std::exp(normal(random));
  };
}

TEST(TransferCountTest, ReachesSixtyFourForSmallFilesOverLongRoundTrip) {
  Simulation run({.file_s = 0.15});
  run.run(10s);
  EXPECT_EQ(run.count.count(), 64U);
  run.run(14s);
  EXPECT_GE(run.files, 10'000U * 24 / 40) << "ten times 25 files/s, the start included";
  EXPECT_EQ(run.highest, 64U);
}

TEST(TransferCountTest, StaysLowOnFullLink) {
  for (const double mebibytes : {20.0, 300.0, 100'000.0}) {
    SCOPED_TRACE(mebibytes);
    Simulation run({.file_s = 0.02, .file_bytes = [=] { return mebibytes * 1048576; }});
    run.run(10min);
    EXPECT_LE(run.highest, 8U);
    EXPECT_EQ(run.count.count(), 4U);
    if (mebibytes > 1000) {
      EXPECT_LE(run.running(), 8U) << "one trial; hours go by before the next";
      EXPECT_EQ(run.changes.size(), 2U);
    }
  }
}

TEST(TransferCountTest, AddsSlowConnectionsUntilLinkIsFull) {
  Simulation run({.file_s = 0.1,
                  .link = 100e6,
                  .connection = 6.5e6,  // 16 connections fill the link
                  .file_bytes = [] { return 40e6; }});
  run.run(1min);
  EXPECT_NEAR(run.mean_count(10min), 16, 2);
  EXPECT_GT(run.rates(10min).bytes, 90e6);
}

TEST(TransferCountTest, DoesNotQueueAtServerWithTwelveThreads) {
  Simulation run({.file_s = 0.15, .threads = 12});
  run.run(5min);
  // With 8 at a time it is slower; between 16 and 32 only the server's queue grows.
  EXPECT_GE(run.count.count(), 8U);
  EXPECT_LE(run.count.count(), 16U);
  EXPECT_LE(run.highest, 32U);
  EXPECT_GT(run.rates(60s).files, 0.9 * 12 / 0.16);
}

/// Repeatedly, with files of very different sizes and other traffic on the link.
TEST(TransferCountTest, ReturnsToRightNumberAfterNoise) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> other(0.6, 1.4);

    Simulation full({.link = 100e6, .file_bytes = heavy_tailed(30e6, seed)});
    Simulation latency({.link = 100e6, .file_bytes = heavy_tailed(10e3, seed)});
    double full_count = 0;
    double latency_count = 0;
    constexpr int rounds = 300;
    for (int i = 0; i < rounds; ++i) {
      full.world().link = 100e6 * other(random);
      full.run(1s);
      full_count += full.count.count();
      latency.world().file_s = 0.15 * other(random);
      latency.run(1s);
      latency_count += latency.count.count();
    }
    EXPECT_LT(full_count / rounds, 14);
    EXPECT_GT(latency_count / rounds, 52);
  }
}

TEST(TransferCountTest, NoticesSmallFilesAfterLargeOnes) {
  World world{.link = 100e6};
  bool large = true;
  world.file_bytes = [&] { return large ? 1e9 : 10'240.0; };
  Simulation run(std::move(world));
  run.run(5min);
  EXPECT_LE(run.count.count(), 8U);
  large = false;
  run.run(2min);  // the large files end
  EXPECT_EQ(run.count.count(), 64U);
}

TEST(TransferCountTest, NoticesSmallFilesBesideLargeOnes) {
  // Three long files that fill the link.
  World world{.link = 100e6, .connection = 33e6};
  int first = 0;
  world.file_bytes = [&] { return first++ < 3 ? forever : 10'240.0; };
  Simulation run(std::move(world));
  run.run(60s);
  EXPECT_GE(run.count.count(), 32U);
}

TEST(TransferCountTest, CountsEmptyFiles) {
  Simulation run({.file_bytes = [] { return 0.0; }});
  run.run(10s);
  EXPECT_EQ(run.count.count(), 64U);
}

TEST(TransferCountTest, ObeysCeiling) {
  Simulation run({.file_s = 0.15});
  run.run(300ms);
  ASSERT_EQ(run.count.count(), 4U);
  while (run.count.count() == 4) run.run(5ms);
  ASSERT_EQ(run.count.count(), 8U);
  // Its threads wait for each other until it responds 401.
  run.is_stuck = true;
  run.run(60s);
  EXPECT_EQ(run.count.count(), 4U) << "nothing moved with 8";
  EXPECT_EQ(run.highest, 8U) << "nor is more tried while nothing moves";
  run.is_stuck = false;
  run.ceiling = 4;
  run.run(20min);
  EXPECT_EQ(run.count.count(), 4U);
  EXPECT_EQ(run.highest, 8U);

  run.ceiling = 6;
  run.run(10min);  // a hold lasts 5 minutes at most
  EXPECT_NEAR(run.mean_count(10min), 6, 0.2) << "the server takes more by now";
}

TEST(TransferCountTest, ObeysCeilingBelowFourAtOnce) {
  Simulation run({.file_s = 0.15});
  run.ceiling = 2;
  run.update();
  EXPECT_EQ(run.count.count(), 2U);
  ASSERT_EQ(run.changes.size(), 1U);
  EXPECT_EQ(run.changes[0].reason, Reason::ceiling);
  EXPECT_EQ(run.changes[0].from, 4U);
  run.run(1min);
  EXPECT_EQ(run.count.count(), 2U);
  run.ceiling = 1;
  run.update();
  EXPECT_EQ(run.count.count(), 1U);
}

TEST(TransferCountTest, ObeysLaterCeilingAtOnce) {
  Simulation run({.file_s = 0.15});
  run.run(10s);
  ASSERT_EQ(run.count.count(), 64U);
  run.ceiling = 32;
  run.update();
  EXPECT_EQ(run.count.count(), 32U);
  run.run(1min);
  EXPECT_EQ(run.highest, 64U);
  EXPECT_EQ(run.count.count(), 32U);
}

TEST(TransferCountTest, ObeysLimitOfProcess) {
  for (const unsigned most : {1U, 3U, 4U, 7U, 21U}) {
    Simulation run({.file_s = 0.15}, most);
    run.run(20s);
    EXPECT_EQ(run.count.count(), most);
    EXPECT_LE(run.running(), most);
  }
}

TEST(TransferCountTest, StartsNoTrialForFewFiles) {
  // After the first measurement, of 20 files, fewer files wait than the next number.
  Simulation run({.file_s = 0.1, .files = 27});
  run.run(1min);
  EXPECT_EQ(run.files, 27U);
  EXPECT_TRUE(run.changes.empty());
}

TEST(TransferCountTest, StartsNoTrialWithoutProgress) {
  Simulation run({.file_s = 0.15});
  run.is_stuck = true;
  run.run(10min);
  EXPECT_TRUE(run.changes.empty());
  run.is_stuck = false;
  run.run(30s);
  EXPECT_EQ(run.count.count(), 64U);
}

TEST(TransferCountTest, ReportsMeasurementsOfChange) {
  Simulation run({.file_s = 0.02, .link = 100e6, .file_bytes = [] { return 20e6; }});
  run.run(15s);
  ASSERT_EQ(run.changes.size(), 2U);
  const auto& more = run.changes[0];
  EXPECT_EQ(more.reason, Reason::trial_of_more);
  EXPECT_EQ(more.from, 4U);
  EXPECT_EQ(more.to, 8U);
  EXPECT_NEAR(more.before.bytes, 100e6, 15e6);
  const auto& back = run.changes[1];
  EXPECT_EQ(back.reason, Reason::not_faster);
  EXPECT_EQ(back.to, 4U);
  EXPECT_NEAR(back.trial.bytes, 100e6, 15e6);
  EXPECT_NEAR(back.trial.files, 5, 2);
}

}  // namespace
}  // namespace sluice::cli::transfer_count_test
