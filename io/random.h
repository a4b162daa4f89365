#pragma once

#include <random>

namespace sluice {

/// This thread's own, seeded by the system once: asking it each time is 4 % of the processor time
/// of ten thousand small files. Not for secrets.
inline std::mt19937_64& random_bits() {
  thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return engine;
}

}  // namespace sluice
