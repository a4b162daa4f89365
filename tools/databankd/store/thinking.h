#pragma once

#include <chrono>

#include "io/sync.h"

namespace sluice::databankd {

/// Simulates the time that the real server takes to append a chunk or to join parts: it reads the
/// chunk from its front server's file and writes it to a network file system. Any thread.
class Thinking {
 public:
  explicit Thinking(std::chrono::microseconds duration) : duration_(duration) {}

  /// Blocks for the duration, or until end().
  void think() { think(duration_); }
  void think(std::chrono::microseconds duration);

  /// Ends all delays: the server ends.
  void end();

 private:
  const std::chrono::microseconds duration_;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::databankd
