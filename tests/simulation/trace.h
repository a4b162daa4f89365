#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include "tests/simulation/timeline.h"

namespace sluice::sim {

/// The record of the events in a world: a hash of all events, to compare two runs, and optionally
/// lines on the standard output.
class Trace {
 public:
  Trace(Timeline& time, bool prints) : time_(time), prints_(prints) {}

  bool prints() const { return prints_; }
  std::uint64_t hash() const { return hash_; }

  /// Adds an event with up to two numbers to the hash, and prints the event if prints().
  void note(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0) {
    for (const char c : what) mix(static_cast<unsigned char>(c));
    mix(a);
    mix(b);
    mix(static_cast<std::uint64_t>(time_.elapsed().count()));
    if (prints_) print(fmt::format("{} {} {}", what, a, b));
  }
  /// Prints a line if prints(). The hash is unchanged.
  template <class... Values>
  void say(fmt::format_string<Values...> format, Values&&... values) {
    if (prints_) print(fmt::format(format, std::forward<Values>(values)...));
  }

 private:
  void mix(std::uint64_t value) {
    hash_ = (hash_ ^ value) * 0x100000001B3U;
    hash_ ^= hash_ >> 29;
  }
  void print(const std::string& text) const {
    fmt::print("{:12.6f}  {}\n", std::chrono::duration<double>(time_.elapsed()).count(), text);
  }

  Timeline& time_;
  const bool prints_;
  std::uint64_t hash_ = 0xCBF29CE484222325U;
};

}  // namespace sluice::sim
