#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "engine/http/fresh_connection.h"
#include "engine/http/messages.h"

namespace sluice {

/// The rule that gives a request that is not safe to retry a new connection, if opening one is
/// cheap: an idle connection that is reused may be dead. Keeps the round trip for that rule.
/// Performs no I/O. One thread at a time.
class ConnectionChoice {
 public:
  using Duration = std::chrono::steady_clock::duration;

  /// `round_trip`: as measured before, if it was. `tls`: the server speaks https.
  ConnectionChoice(std::optional<std::chrono::microseconds> round_trip, bool tls)
      : round_trip_(round_trip), tls_(tls) {}

  /// Updates the round trip from an answer.
  void learn(const Answer& answer) {
    if (!answer.network) return;
    const auto least = answer.network->least_round_trip.count() > 0
                           ? answer.network->least_round_trip
                           : answer.network->round_trip;
    if (least.count() > 0) round_trip_ = std::min(round_trip_.value_or(least), least);
  }
  /// Changes Connection::recent of `request` to `fresh` if a new connection is cheap. `elapsed`:
  /// time since the upload began.
  void choose(Request& request, Duration elapsed) const {
    if (request.connection == Request::Connection::recent &&
        is_new_connection_cheap(round_trip_, tls_, elapsed))
      request.connection = Request::Connection::fresh;
  }

 private:
  std::optional<std::chrono::microseconds> round_trip_;  ///< the shortest measured
  const bool tls_;
};

}  // namespace sluice
