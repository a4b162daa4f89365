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

/// Tracks the transfers of a run: rates, time left and bottleneck. One thread.
class RunProgress {
 public:
  using Clock = std::chrono::steady_clock;

  /// `files`: their number. `bytes`: their total size.
  RunProgress(std::size_t files, std::uint64_t bytes) : files_(files), bytes_(bytes) {}

  /// Records the start of a transfer. `name`: for the user.
  void transfer_started(std::size_t number, std::string name);
  /// Records the progress of a transfer.
  void update(std::size_t number, const Progress& progress, Clock::time_point now);
  /// Records the end of a transfer; it may start again.
  void transfer_ended(std::size_t number, const Report& report);
  /// Records that a file of that size is finished.
  void file_finished(std::uint64_t bytes, bool registered);
  /// Call after update() of all transfers.
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
  std::size_t finished_ = 0;
  std::uint64_t finished_bytes_ = 0;
  std::uint64_t registered_bytes_ = 0;
  std::uint64_t transmitted_ = 0;  ///< sent to the network, in total
  Stages stages_;                  ///< of all transfers, since the last update_totals()
  ProgressMeter meter_;
  BottleneckMeter bottleneck_;
};

}  // namespace sluice::cli
