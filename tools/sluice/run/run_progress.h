#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/upload.h"
#include "engine/upload/progress_meter.h"
#include "tools/sluice/display/bottleneck_meter.h"
#include "tools/sluice/display/progress_view.h"
#include "tools/sluice/display/run_totals.h"

namespace sluice::cli {

/// Follows the transfers of a run: rates, time left and bottleneck. One thread.
class RunProgress {
 public:
  using Clock = std::chrono::steady_clock;

  /// So many files, with so many bytes together.
  RunProgress(std::size_t files, std::uint64_t bytes) : files_(files), bytes_(bytes) {}

  /// The transfer of that number began. `name`: for people.
  void started(std::size_t number, std::string name);
  /// That transfer is as far as that, now.
  void update(std::size_t number, const Progress& progress, Clock::time_point now);
  /// That transfer ended, and may start again.
  void ended(std::size_t number, const Report& report);
  /// A file of that size is done with, however.
  void over(std::uint64_t bytes, bool registered);
  /// After update() of each transfer.
  void update_totals(Clock::time_point now);

  RunTotals totals() const;
  ProgressView view() const;

 private:
  struct Transfer {
    std::string name;
    Progress progress;
    ProgressMeter meter;
  };

  const std::size_t files_;
  const std::uint64_t bytes_;
  std::map<std::size_t, Transfer> transfers_;  ///< by number: they start in that order
  std::size_t over_ = 0;
  std::uint64_t over_bytes_ = 0;
  std::uint64_t registered_bytes_ = 0;
  std::uint64_t handed_ = 0;  ///< by all, to the network
  Stages stages_;             ///< of all, since the last update_totals()
  ProgressMeter meter_;
  BottleneckMeter bottleneck_;
};

}  // namespace sluice::cli
