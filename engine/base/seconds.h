#pragma once

#include <chrono>

namespace sluice {

/// Returns `duration` in seconds, with the fraction.
inline double in_seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace sluice
