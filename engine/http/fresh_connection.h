#pragma once

#include <chrono>
#include <optional>

#include "io/sync.h"

/// When a request that must not be repeated gets a connection of its own. The server, or something
/// in front of it, may close a kept connection while the request is on its way, and then nobody
/// knows whether the request arrived. A new connection has no such moment, but costs round trips, a
/// thread or process at the server, and a port of this machine for a minute.
namespace sluice {

/// Whether a new connection takes little time for an upload that has taken `so_far`: its handshake
/// (one round trip, two with TLS) is at most 1 ms or 0.3 % of that. Pure, any thread. Nothing for a
/// round trip that is not known: then it does not.
bool is_new_connection_cheap(std::optional<std::chrono::microseconds> round_trip, bool tls,
                             std::chrono::steady_clock::duration so_far);

/// A token bucket of new connections: 50 at once, and 20 a second. Thousands of small files share
/// it, so that new connections cost them little. Thread safe.
class FreshConnections {
 public:
  using Clock = std::chrono::steady_clock;

  /// Takes one, if there is one left.
  bool take(Clock::time_point now);

 private:
  Mutex mutex_;
  double level_ SLUICE_GUARDED_BY(mutex_) = 50;  ///< that may be made now
  Clock::time_point filled_ SLUICE_GUARDED_BY(mutex_){};
};

}  // namespace sluice
