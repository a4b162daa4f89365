#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "engine/http/transport.h"

namespace sluice {

/// The result of one exchange and its times by this machine's wall clock.
struct Reply {
  Result<Answer> answer;
  std::chrono::system_clock::time_point asked{};     ///< when the exchange started
  std::chrono::system_clock::time_point answered{};  ///< when the exchange ended
};

/// Runs the exchanges, at most four at the same time, and blocks the caller's thread until all have
/// ended. Returns the replies in the order of `exchanges`. The caller must not be the network
/// thread. The request bodies must outlive the call. `stop` (may be empty) is called on the
/// caller's thread ten times per second; after it returns true, every exchange without a response
/// ends with `interrupted`.
std::vector<Reply> run_exchanges(Transport& http, std::vector<Exchange> exchanges,
                                 const std::function<bool()>& stop);

/// Blocks until `when` and calls `stop` (may be empty) ten times per second. Returns false as soon
/// as `stop` returns true, else true.
bool wait_until(std::chrono::steady_clock::time_point when, const std::function<bool()>& stop);

}  // namespace sluice
