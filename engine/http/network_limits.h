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

/// What the network threads of one engine share, so that the limits hold over all of them: the rate
/// limit, new connections, and file descriptors. Thread safe.
struct NetworkLimits {
  /// `bytes_per_second`: 0 for no limit. `threads`: the most network threads that there will be.
  NetworkLimits(std::uint64_t bytes_per_second, unsigned threads);

  RateLimiter limiter;
  std::optional<FreshConnections> fresh;  ///< nothing where few files may be open
  /// Connections that each thread keeps for the next request, all servers together.
  const long kept_connections;
  std::atomic<std::size_t> exchanges{0};  ///< that are under way on all threads
  std::atomic<std::size_t> waiting{0};    ///< of these, for a file descriptor

  /// Returns true the first time that it is called for `address` ("https://databank...:443"), so
  /// that what is said of an address is not said by each thread.
  bool is_first(const std::string& address);

 private:
  Mutex mutex_;
  std::vector<std::string> addresses_ SLUICE_GUARDED_BY(mutex_);
};

/// Returns how many connections a process keeps for the next request, 64 at most. Fewer where the
/// limit on open files (RLIMIT_NOFILE) is low: each has a descriptor that another server's
/// connection may need. curl by itself keeps 4 for each request under way, and none of those that
/// the last ones leave.
long connections_kept_by_process();

}  // namespace sluice
