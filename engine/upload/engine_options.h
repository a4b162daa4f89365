#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/log.h"
#include "engine/http/network_options.h"
#include "engine/policy/retry.h"

namespace sluice {

/// The options of an Engine, for all its uploads. Engine::create() checks them.
struct EngineOptions {
  std::size_t pool_bytes = std::size_t{64} << 20;  ///< size of the buffer pool, at least 2 blocks
  std::size_t block_bytes = std::size_t{4} << 20;  ///< a multiple of 4096, from 4096 to 1 GiB
  /// Number of checksum threads, besides reader and network threads. 0: one for each core that this
  /// process may use.
  unsigned workers = 0;
  /// Number of network threads, at most most_network_threads. Uploads and parts of files are
  /// distributed over them. 0: one, and more while one thread is a bottleneck (TLS costs one CPU
  /// second per GiB), up to a quarter of the cores (of `workers`, if set) and at most 4. See
  /// engine/http/network_threads.h.
  unsigned network_threads = 0;
  /// Maximum number of concurrent uploads, until Engine::set_uploads_at_a_time() changes it. The
  /// uploads divide the pool. The memory that an upload needs before it can send anything (a chunk
  /// that is checksummed first) is planned for this number.
  unsigned uploads_at_a_time = 1;
  /// Initial limit of requests in flight to one server over tus and binary, at most 256. 0: 4, or
  /// as many as the server accepted when it was overloaded in the last week. The limit is lowered
  /// if the server is overloaded or was in the last week; it doubles as long as the server is not
  /// overloaded (engine/policy/request_limit.h).
  unsigned requests_at_a_time = 0;
  std::uint64_t bytes_per_second = 0;  ///< rate limit of all uploads together; 0: no limit
  /// Maximum time without any byte transferred while bytes are ready to be sent.
  std::chrono::seconds stall_timeout{60};
  /// Maximum time between the end of a request and its answer. 0: 150 s, and 10 minutes to register
  /// or join. For a join, the time is at least 30 s plus 1 s for each 200 MB of the file.
  std::chrono::seconds response_timeout{0};
  RetryPolicy retry;
  /// How long the server may continue a registration or a join of parts whose answer was lost,
  /// before the request is sent again. Empty: 30 s plus 1 s for each 200 MB of the file.
  std::optional<std::chrono::seconds> register_wait;
  /// Directory of the journal and the locks, created if missing (engine/journal/state_dir.h has the
  /// usual path). Empty: no journal and no locks; this engine can then retry an upload, but no
  /// later run can resume it.
  std::string state_dir;
  NetworkOptions network;
  bool journal = true;  ///< false: only locks; no upload can be resumed
  Log log;
};

inline constexpr unsigned most_network_threads = 16;

}  // namespace sluice
