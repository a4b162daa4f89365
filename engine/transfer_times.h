#pragma once

#include <chrono>

#include "engine/payload_stream.h"
#include "engine/pipeline.h"
#include "engine/report.h"
#include "engine/streamed_request.h"

namespace sluice {

/// Where the time of one upload went, on the network's side: sending, or waiting for answers. The
/// network thread's.
class TransferTimes {
 public:
  using Clock = std::chrono::steady_clock;

  /// The upload begins.
  void begin() { began_ = Clock::now(); }
  /// A request goes out.
  void exchange_begins(const PayloadStream& payload);
  /// It was answered, or failed.
  void exchange_ends(const PayloadStream& payload, const StreamedRequest& body);

  /// Since begin().
  double seconds() const;
  /// All stages, up to now.
  Stages stages(const PipelineClocks& clocks, const PayloadStream& payload) const;

 private:
  Clock::time_point began_{};
  Clock::time_point exchange_began_{};
  double waited_before_ = 0;  ///< the payload's waiting time when the exchange began
  double sending_s_ = 0;
  double answering_s_ = 0;
};

}  // namespace sluice
