#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "engine/http/transport.h"
#include "engine/pipeline/streamed_request.h"
#include "engine/upload/transfer_times.h"

namespace sluice {

/// One request in flight, with its body. Network thread only.
struct Flight {
  explicit Flight(Request what) : request(std::move(what)) {}

  const Request request;
  std::optional<StreamedRequest> body;  ///< body of `request`; its hooks refer to this flight
  Transport::ExchangeId exchange = 0;
  bool out = false;        ///< in flight: its exchange has not ended
  bool was_ahead = false;  ///< was started as a pipelined chunk
  bool was_held = false;   ///< all but its last bytes were sent when it became the front request
  bool blamed = false;  ///< a failure was attributed to pipelining while it was the front request
  bool abandoned = false;  ///< cancelled; its answer is ignored
  TransferTimes::At at = TransferTimes::At::nothing;
  double answered_before = 0;  ///< TransferTimes::answer_s() when its last byte was handed over
  /// When its last byte was handed to the network. Empty before that.
  std::optional<std::chrono::steady_clock::time_point> handed_at;
};

}  // namespace sluice
