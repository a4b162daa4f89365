#pragma once

#include <chrono>
#include <optional>

#include "engine/http/messages.h"
#include "engine/report/report.h"
#include "io/sync.h"

namespace sluice {

/// What other threads see of one upload: where its time went, its connection, and its end. Written
/// by the upload's network thread; read by any thread.
class UploadOutcome {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void publish(const Stages& stages, const std::optional<Answer::Network>& network);
  void publish_no_network();
  /// The upload is over, with that report.
  void end(Report report);

  Stages stages() const;
  std::optional<Answer::Network> network() const;
  /// Blocks until the upload is over or the deadline has come; whether it is over.
  bool wait_until(Time deadline);
  /// Blocks until the upload is over.
  Report wait();
  /// Once the upload is over.
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
