#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/http/fresh_connection.h"
#include "engine/http/rate_limiter.h"
#include "io/sync.h"

namespace sluice {

/// The limits that all network threads of one engine share: the rate limit, new connections, and
/// file descriptors. Thread safe.
struct NetworkLimits {
  /// `bytes_per_second`: 0 for no limit. `threads`: the most network threads of the engine.
  NetworkLimits(std::uint64_t bytes_per_second, unsigned threads);

  RateLimiter limiter;  ///< of the request bodies
  /// Empty if RLIMIT_NOFILE is below 512: an exchange with Connection::fresh may then use a kept
  /// connection.
  std::optional<FreshConnections> fresh;
  /// The number of idle connections that each thread keeps for reuse, to all servers together.
  const long kept_connections;
  std::atomic<std::size_t> exchanges{0};  ///< exchanges in flight on all threads
  std::atomic<std::size_t> waiting{0};    ///< exchanges of these that wait for a file descriptor

  /// Returns true for the first call with `address` ("https://databank...:443"), so that only one
  /// thread logs a message about the address.
  bool is_first(const std::string& address);

 private:
  Mutex mutex_;
  std::vector<std::string> addresses_ SLUICE_GUARDED_BY(mutex_);  ///< arguments of is_first()
};

/// Returns the number of idle connections that a process keeps for reuse: an eighth of the limit on
/// open files (RLIMIT_NOFILE), from 1 to 64. The limit matters because each kept connection
/// occupies a descriptor that a connection to another server may need. curl's own limit, 4 for each
/// request in flight, falls when requests end, so that curl would close idle connections.
long connections_kept_by_process();

}  // namespace sluice
