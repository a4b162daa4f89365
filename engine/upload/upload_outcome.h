#pragma once

#include <chrono>
#include <optional>

#include "engine/http/messages.h"
#include "engine/report/report.h"
#include "io/sync.h"

namespace sluice {

/// The state of one upload that other threads can read: stages, connection measurements, and the
/// final report. Written by the upload's network thread; read by any thread.
class UploadOutcome {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Replaces the stages and the connection measurements.
  void publish(const Stages& stages, const std::optional<Answer::Network>& network);
  /// Clears the connection measurements: no request is in flight.
  void publish_no_network();
  /// Stores the final report and wakes up all waiting threads.
  void end(Report report);

  Stages stages() const;
  std::optional<Answer::Network> network() const;
  /// Blocks until the upload has ended or the deadline has passed. Returns whether the upload has
  /// ended.
  bool wait_until(Time deadline);
  /// Blocks until the upload has ended, and returns its report.
  Report wait();
  /// Returns the report. Call only after the upload has ended.
  Report report() const;

 private:
  mutable Mutex mutex_;
  CondVar ended_;
  bool is_over_ SLUICE_GUARDED_BY(mutex_) = false;
  Report report_ SLUICE_GUARDED_BY(mutex_);
  Stages stages_ SLUICE_GUARDED_BY(mutex_);
  std::optional<Answer::Network> network_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
