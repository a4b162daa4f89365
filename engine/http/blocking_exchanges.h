#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "engine/http/transport.h"

namespace sluice {

/// What became of an exchange, and when, by this machine's clock.
struct Reply {
  Result<Answer> answer;
  std::chrono::system_clock::time_point asked{};
  std::chrono::system_clock::time_point answered{};
};

/// Carries the exchanges out, four of them side by side, and waits for all of
/// them on the caller's thread, which is not the network thread. Their bodies outlive the call.
/// `stop`, which may be empty, is asked ten times a second; once it says true, those that have no
/// answer end with `interrupted`.
std::vector<Reply> run_exchanges(Transport& http, std::vector<Exchange> exchanges,
                                 const std::function<bool()>& stop);

/// Waits, and asks `stop` as often meanwhile. False once that says true.
bool wait_until(std::chrono::steady_clock::time_point when, const std::function<bool()>& stop);

}  // namespace sluice
