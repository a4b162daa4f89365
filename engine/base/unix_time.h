#pragma once

#include <chrono>
#include <cstdint>

#include "engine/base/clock.h"

namespace sluice {

/// Returns the system clock's time, in seconds since the start of 1970 (UTC).
inline std::int64_t unix_s() {
  return std::chrono::system_clock::to_time_t(wall_now());
}

}  // namespace sluice
