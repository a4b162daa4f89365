#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "engine/pipeline/pipeline.h"
#include "engine/protocol/protocol.h"
#include "engine/report/report.h"

namespace sluice {

/// Where the time of one upload went, on the network's side: sending, waiting for blocks, or
/// waiting for answers. Any number of requests may be out at once; each moment counts once, for the
/// first of these that some request is at. The network thread's.
class TransferTimes {
 public:
  using Clock = std::chrono::steady_clock;

  /// What a request that is out is at, in the order in which they count.
  enum class At {
    sending,   ///< it has bytes for the network
    read,      ///< its next block is still being read,
    checksum,  ///< or being hashed
    journal,   ///< what it may send next depends on the journal, which is still being written
    answer,    ///< all that may go is out
    nothing,   ///< it is over, or not out yet
  };

  /// The upload begins.
  void begin();
  /// A request that was at `from` is at `to` now.
  void change(At from, At to);
  /// An answer came to a request all of which had been handed over when answer_s() was
  /// `answered_before`. The kernel may have been sending for a part of the time since.
  void answered(double answered_before, const Answer& answer);

  /// Since begin().
  double seconds() const;
  /// Of these, all that could go was out, and the network was idle until an answer came.
  double idle_s() const { return answer_s() - drain_s_; }
  double answer_s() const;
  /// All stages, up to now.
  Stages stages(const PipelineClocks& clocks) const;

 private:
  static constexpr std::size_t kinds = static_cast<std::size_t>(At::nothing) + 1;
  At state() const;
  double spent(At at) const;

  Clock::time_point began_{};
  Clock::time_point changed_{};
  std::array<int, kinds> requests_{};    ///< that are at it now
  std::array<double, kinds> seconds_{};  ///< up to changed_
  double drain_s_ = 0;       ///< of what counted as answer: the kernel was still sending
  double round_trip_s_ = 0;  ///< the same: bytes and answer were on their way
};

}  // namespace sluice
