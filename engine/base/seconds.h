#pragma once

#include <chrono>

namespace sluice {

inline double in_seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace sluice
