#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "engine/http/fresh_connection.h"
#include "engine/http/messages.h"

namespace sluice {

/// Gives a request that must not be repeated a new connection, where that is cheap: a kept one may
/// be dead. Knows the round trip for that. Pure. One thread at a time.
class ConnectionChoice {
 public:
  using Duration = std::chrono::steady_clock::duration;

  /// `round_trip`: as measured before; nothing where it was not. `tls`: the server speaks https.
  ConnectionChoice(std::optional<std::chrono::microseconds> round_trip, bool tls)
      : round_trip_(round_trip), tls_(tls) {}

  /// Learns the round trip from an answer.
  void learn(const Answer& answer) {
    if (!answer.network) return;
    const auto least = answer.network->least_round_trip.count() > 0
                           ? answer.network->least_round_trip
                           : answer.network->round_trip;
    if (least.count() > 0) round_trip_ = std::min(round_trip_.value_or(least), least);
  }
  /// `elapsed`: since the upload began.
  void choose(Request& request, Duration elapsed) const {
    if (request.connection == Request::Connection::recent &&
        is_new_connection_cheap(round_trip_, tls_, elapsed))
      request.connection = Request::Connection::fresh;
  }

 private:
  std::optional<std::chrono::microseconds> round_trip_;  ///< the shortest that is known
  const bool tls_;
};

}  // namespace sluice
