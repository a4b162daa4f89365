#pragma once

#include <chrono>

#include "io/sync.h"

namespace sluice::databankd {

/// How long the server takes to append a chunk or to join parts, beyond what this machine needs for
/// it: the real one reads the chunk from where its front server left it and writes it to a network
/// file system. Thread safe.
class Thinking {
 public:
  explicit Thinking(std::chrono::microseconds duration) : duration_(duration) {}

  /// Returns after the duration, or at end() if that is sooner.
  void think() { think(duration_); }
  void think(std::chrono::microseconds duration);

  /// Nobody thinks any more: the server ends.
  void end();

 private:
  const std::chrono::microseconds duration_;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::databankd
