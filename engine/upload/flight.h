#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "engine/http/transport.h"
#include "engine/pipeline/streamed_request.h"
#include "engine/upload/transfer_times.h"

namespace sluice {

/// One request on its way, with its body. The network thread's.
struct Flight {
  explicit Flight(Request what) : request(std::move(what)) {}

  const Request request;
  std::optional<StreamedRequest> body;  ///< of `request`; made with hooks that know the flight
  Transport::ExchangeId exchange = 0;
  bool out = false;        ///< its exchange has not ended yet
  bool was_ahead = false;  ///< it began while another one was in front of it
  bool was_held = false;   ///< only its end was missing when its turn came
  bool blamed = false;     ///< that something is ahead was blamed while it was in front
  bool abandoned = false;  ///< whatever comes back, nobody waits for it
  TransferTimes::At at = TransferTimes::At::nothing;
  double answered_before = 0;  ///< TransferTimes::answer_s() when it was out
  /// When its last byte was handed over; nothing before that.
  std::optional<std::chrono::steady_clock::time_point> handed_at;
};

}  // namespace sluice
