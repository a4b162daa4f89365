#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "engine/upload/lanes.h"

namespace sluice {

/// A part of a file that ends when the test calls over(). cancel() is only counted, because a real
/// part ends later.
class FakeLane final : public Lane {
 public:
  explicit FakeLane(ByteRange range = {}) : range_(range) {}

  void on_over(std::function<void()> call) override { over = std::move(call); }
  void start() override { ++started; }
  void set_lane_count(unsigned lanes) override { sharing = lanes; }
  void cancel() override { ++cancelled; }
  ByteRange range() const override { return range_; }
  Progress progress() const override { return done; }
  std::uint64_t transmitted() const override { return done.transmitted; }
  std::optional<Answer::Network> network() const override { return connection; }
  Report report_now() const override { return report; }
  std::string upload_url() const override { return url; }
  FileDigest::Snapshot sent_checksums() const override { return checksums; }
  void wait_for_threads() override { ++settled; }

  int started = 0;
  int cancelled = 0;
  int settled = 0;
  unsigned sharing = 0;
  std::optional<Answer::Network> connection = {};
  std::function<void()> over;
  Progress done = {};
  Report report = [] {
    Report registered;
    registered.status = Report::Status::registered;
    return registered;
  }();
  std::string url = {};
  FileDigest::Snapshot checksums = {};

 private:
  const ByteRange range_;
};

}  // namespace sluice
