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

/// What a program sets for all uploads of an Engine. Engine::create() checks it.
struct EngineOptions {
  std::size_t pool_bytes = std::size_t{64} << 20;  ///< all buffers together, at least 2 blocks
  std::size_t block_bytes = std::size_t{4}
                            << 20;  ///< a multiple of 4096, at least that, at most 1 GiB
  /// Threads that compute checksums, besides those that read and those that send; 0: as many as the
  /// cores that this process may use.
  unsigned workers = 0;
  /// Threads that send, most_network_threads at most; uploads and parts of files are spread over
  /// them. 0: one, and more where one would have too much to do (TLS costs a CPU second a GiB): at
  /// most a quarter of the cores, that is of `workers`, and 4. (engine/http/network_threads.h)
  unsigned network_threads = 0;
  /// How many uploads run at a time, at most, until Engine::set_uploads_at_a_time(): they divide
  /// the pool, and what each may need of it before it can send anything (a chunk that is
  /// checksummed first) is measured for that.
  unsigned uploads_at_a_time = 1;
  /// How many requests may be in flight to one server at first, over tus and binary, 256 at most;
  /// 0: 4, or as many as the server took when it was overloaded in the last week. Fewer where the
  /// server is overloaded or was in the last week, and more, twice as many each time, as long as
  /// none is (engine/policy/request_limit.h).
  unsigned requests_at_a_time = 0;
  std::uint64_t bytes_per_second = 0;  ///< limit over all uploads together; 0 for none
  /// How long no byte may move while there is something to send.
  std::chrono::seconds stall_timeout{60};
  /// How long the server may take to answer, once it has a whole request; 0: 150 s, and 10
  /// minutes to register or join. For a join, at least 30 s and a second more for each 200 MB of
  /// the file.
  std::chrono::seconds response_timeout{0};
  RetryPolicy retry;
  /// After a lost answer to the registration, or to a join of the file's parts: how long the server
  /// may still be at it, before it is asked again. Nothing: 30 s, and a second more for each 200 MB
  /// of the file.
  std::optional<std::chrono::seconds> register_wait;
  /// Where the journal and the locks are, made if missing (engine/journal/state_dir.h has the usual
  /// place); empty for none, and then an upload can only be tried again by this engine, not
  /// resumed.
  std::string state_dir;
  NetworkOptions network;
  bool journal = true;  ///< false: only the locks, so that nothing is resumed
  Log log;
};

inline constexpr unsigned most_network_threads = 16;

}  // namespace sluice
