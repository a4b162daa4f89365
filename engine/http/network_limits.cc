#include "engine/http/network_limits.h"

#include <sys/resource.h>

#include <algorithm>

namespace sluice {
namespace {

constexpr long most_kept_connections = 64;

}  // namespace

long connections_kept_by_process() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return most_kept_connections;
  return static_cast<long>(
      std::clamp<rlim_t>(limit.rlim_cur / 8, 1, rlim_t{most_kept_connections}));
}

NetworkLimits::NetworkLimits(std::uint64_t bytes_per_second, unsigned threads)
    : limiter(bytes_per_second),
      kept_connections(
          std::max(1L, connections_kept_by_process() / static_cast<long>(std::max(1U, threads)))) {
  if (connections_kept_by_process() == most_kept_connections) fresh.emplace();
}

bool NetworkLimits::is_first(const std::string& address) {
  const MutexLock lock(mutex_);
  if (std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end()) return false;
  addresses_.push_back(address);
  return true;
}

}  // namespace sluice
