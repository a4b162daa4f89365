#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "engine/pipeline/pipeline.h"
#include "engine/protocol/protocol.h"
#include "engine/report/report.h"

namespace sluice {

/// The time accounting of one upload's network side: sending, waiting for blocks, or waiting for
/// answers. Any number of requests may be in flight; each moment counts once, for the first stage
/// in the order of At that any request is in. Network thread only.
class TransferTimes {
 public:
  using Clock = std::chrono::steady_clock;

  /// The stage of a request, in order of precedence.
  enum class At {
    sending,   ///< bytes are ready for the network
    read,      ///< waits until the next block is read
    checksum,  ///< waits until the next block is hashed
    journal,   ///< waits until the journal has been written, before more may be sent
    answer,    ///< everything that may be sent has been sent; waits for an answer
    nothing,   ///< not in flight
  };

  /// Starts the clock of the upload.
  void begin();
  /// Moves a request from stage `from` to stage `to`.
  void change(At from, At to);
  /// Records an answer. `answered_before`: answer_s() when the last byte of the request was handed
  /// over. Corrects for the time since then in which the kernel was still sending.
  void answered(double answered_before, const Answer& answer);

  /// Returns the seconds since begin().
  double seconds() const;
  /// Returns the seconds in which everything that may be sent had left the machine and only answers
  /// were awaited.
  double idle_s() const { return answer_s() - drain_s_; }
  /// Returns the seconds in stage `answer`, including time in which the kernel was still sending.
  double answer_s() const;
  /// Returns all stages up to now.
  Stages stages(const PipelineClocks& clocks) const;

 private:
  static constexpr std::size_t kinds = static_cast<std::size_t>(At::nothing) + 1;
  At state() const;
  double spent(At at) const;

  Clock::time_point began_{};
  Clock::time_point changed_{};
  std::array<int, kinds> requests_{};    ///< number of requests in each stage
  std::array<double, kinds> seconds_{};  ///< of each stage, up to changed_
  double drain_s_ = 0;       ///< part of stage `answer` in which the kernel was still sending
  double round_trip_s_ = 0;  ///< part of stage `answer` in which bytes or answer were in flight
};

}  // namespace sluice
