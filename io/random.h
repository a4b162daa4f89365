#pragma once

#include <random>

namespace sluice {

/// Returns this thread's random number generator, seeded once from std::random_device. Calling
/// std::random_device each time would take 4 % of the CPU time of ten thousand small files. Not for
/// secrets.
inline std::mt19937_64& random_bits() {
  thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return engine;
}

}  // namespace sluice
