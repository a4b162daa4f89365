#pragma once

#include <chrono>
#include <optional>

#include "io/sync.h"

/// When a request that is not safe to retry gets a new connection. The server, or a device in front
/// of it, may close a kept connection while the request is in flight; then the client cannot know
/// whether the request arrived. A new connection has no such race, but costs round trips, a thread
/// or a process at the server, and one local port for a minute.
namespace sluice {

/// Whether a new connection is cheap for an upload that has taken `so_far`: the handshake (one
/// round trip, two with TLS) takes at most 1 ms or 0.3 % of that time. Returns false if
/// `round_trip` is unknown. Pure, any thread.
bool is_new_connection_cheap(std::optional<std::chrono::microseconds> round_trip, bool tls,
                             std::chrono::steady_clock::duration so_far);

/// A token bucket of new connections: a burst of 50, refilled at 20 per second. Thousands of small
/// files share the bucket, so that new connections cost them little. Thread safe.
class FreshConnections {
 public:
  using Clock = std::chrono::steady_clock;

  /// Takes one token. Returns false if the bucket is empty.
  bool take(Clock::time_point now);

 private:
  Mutex mutex_;
  double level_ SLUICE_GUARDED_BY(mutex_) = 50;  ///< tokens
  Clock::time_point filled_ SLUICE_GUARDED_BY(mutex_){};
};

}  // namespace sluice
