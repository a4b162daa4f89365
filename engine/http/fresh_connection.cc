#include "engine/http/fresh_connection.h"

#include <algorithm>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr double most_connections = 50;
constexpr double per_second = 20;

}  // namespace

bool is_new_connection_cheap(std::optional<std::chrono::microseconds> round_trip, bool tls,
                             std::chrono::steady_clock::duration so_far) {
  if (!round_trip) return false;
  const auto handshake = *round_trip * (tls ? 2 : 1);
  return handshake <= 1ms || handshake <= so_far * 3 / 1000;
}

bool FreshConnections::take(Clock::time_point now) {
  const MutexLock lock(mutex_);
  now = std::max(now, filled_);  // threads may call with times out of order
  if (filled_ != Clock::time_point{})
    level_ = std::min(most_connections,
                      level_ + per_second * std::chrono::duration<double>(now - filled_).count());
  filled_ = now;
  if (level_ < 1) return false;
  level_ -= 1;
  return true;
}

}  // namespace sluice
