#pragma once

#include <chrono>
#include <cstdint>

namespace sluice {

/// The rate at which an upload's bytes go out, of the last two seconds. Pure. One thread at a time.
class RateMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `passed`: PayloadStream::passed(). Returns bytes a second; 0 for not known yet.
  double look(std::uint64_t passed, Time now);
  /// What was measured so far says nothing of what follows.
  void restart();

 private:
  Time since_{};  ///< of what is measured now; the epoch: nothing is
  std::uint64_t from_ = 0;
  double rate_ = 0;
};

}  // namespace sluice
