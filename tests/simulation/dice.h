#pragma once

#include <cstdint>
#include <initializer_list>
#include <iterator>

namespace sluice::sim {

/// A pseudorandom number generator (splitmix64): the same seed gives the same numbers.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  /// Returns 64 random bits.
  std::uint64_t bits() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  /// Returns a number in [0, end); 0 if `end` is 0.
  std::uint64_t below(std::uint64_t end) { return end == 0 ? 0 : bits() % end; }
  /// Returns a number in [low, high].
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  /// Returns a number in [0, 1).
  double unit() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return unit() < probability; }
  template <class Value>
  Value pick(std::initializer_list<Value> values) {
    return *std::next(values.begin(), static_cast<std::ptrdiff_t>(below(values.size())));
  }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::sim
