#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "engine/http/transport.h"
#include "engine/upload/transfer_times.h"
#include "engine/upload/upload_outcome.h"

namespace sluice {

/// Publishes the stages and the connection measurements of one upload to other threads: at most
/// every 250 ms, and as long as a request is in flight also without any progress, because users
/// look at the stages when an upload stalls. Network thread only.
class StagePublisher {
 public:
  struct Setting {
    UploadOutcome& outcome;  ///< receives what is published; outlives this
    std::function<Stages()> stages;
    /// Measurements of the connection; empty: none are published.
    std::function<std::optional<Answer::Network>()> network;
    std::function<bool()> in_flight;  ///< whether a request is in flight
  };

  explicit StagePublisher(Setting setting) : setting_(std::move(setting)) {}

  /// Publishes now, if 250 ms have passed since the last time, and then every 250 ms through
  /// `transport` until no request is in flight. `owner` owns this object; nothing is published once
  /// it is gone.
  void publish(Transport& transport, const std::weak_ptr<void>& owner);
  /// Publishes nothing more: the upload has ended.
  void stop() { is_stopped_ = true; }

 private:
  const Setting setting_;
  std::chrono::steady_clock::time_point published_{};
  bool is_posted_ = false;  ///< the next publication is scheduled
  bool is_stopped_ = false;
};

}  // namespace sluice
