#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "engine/base/clock.h"

namespace sluice::sim {

using Clock = std::chrono::steady_clock;
using Wall = std::chrono::system_clock;
using Duration = std::chrono::nanoseconds;

/// Thrown if a run exceeds the limits on events or virtual time (Timeline::Limits).
struct Endless : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The virtual clock of one world and its queue of events. Runs events in the order of their times;
/// events of the same time run in the order in which they were added. One thread.
class Timeline final : public TimeSource {
 public:
  /// The owner of an event: 0 for the world. A client has owners of its own, so that run_owned()
  /// can run its events at once when the client has been killed.
  using Owner = unsigned;

  struct Limits {
    std::uint64_t events = 400'000;
    Duration time = std::chrono::hours(24 * 30);
  };

  Timeline() = default;
  explicit Timeline(const Limits& limits) : limits_(limits) {}

  Clock::time_point steady_now() override { return now_; }
  Wall::time_point wall_now() override {
    return Wall::time_point(std::chrono::duration_cast<Wall::duration>(now_.time_since_epoch())) +
           wall_ahead_;
  }
  void pass_until(Clock::time_point when) override {
    while (!events_.empty() && events_.begin()->first.first <= when) run_one();
    now_ = std::max(now_, when);
  }

  /// Sets the wall clock forward by `by`; back if negative. The steady clock is unchanged.
  void jump(Wall::duration by) { wall_ahead_ += by; }

  void at(Clock::time_point when, Owner owner, std::function<void()> event) {
    events_.emplace(std::pair(std::max(when, now_), ++number_), Event{owner, std::move(event)});
  }
  void after(Duration delay, Owner owner, std::function<void()> event) {
    at(now_ + delay, owner, std::move(event));
  }

  /// Runs the next event. Returns false if there is none. Throws Endless beyond the limits.
  bool run_one() {
    if (events_.empty()) return false;
    auto next = events_.extract(events_.begin());
    now_ = next.key().first;
    if (++ran_ > limits_.events) throw Endless("too many events");
    if (now_.time_since_epoch() - start > limits_.time) throw Endless("too much time");
    next.mapped().run();
    return true;
  }

  /// Runs all events of `owner` now, whether due or not, and those that they add. Returns their
  /// number. Throws Endless beyond the limits.
  std::size_t run_owned(Owner owner) {
    std::size_t count = 0;
    while (true) {
      auto found = events_.begin();
      while (found != events_.end() && found->second.owner != owner) ++found;
      if (found == events_.end()) return count;
      auto next = events_.extract(found);
      if (++ran_ > limits_.events) throw Endless("too many events");
      next.mapped().run();
      ++count;
    }
  }
  /// Discards the events of `owner`.
  void drop(Owner owner) {
    std::erase_if(events_, [&](const auto& event) { return event.second.owner == owner; });
  }

  /// Removes the limits, so that a world that exceeded them can be destroyed.
  void lift_limits() { limits_ = {.events = ~std::uint64_t{0}, .time = Duration::max()}; }

  /// Returns the number of events that have run.
  std::uint64_t ran() const { return ran_; }
  /// Returns the virtual time since the start.
  Duration elapsed() const { return now_.time_since_epoch() - start; }

 private:
  struct Event {
    Owner owner;
    std::function<void()> run;
  };

  /// The first time of both clocks. Not 0, which means `never` in much of the engine; on the wall
  /// clock a time in 2025.
  static constexpr Duration start = std::chrono::hours(24 * 365 * 56);

  Limits limits_;
  Clock::time_point now_{start};
  Wall::duration wall_ahead_{};
  std::uint64_t number_ = 0;
  std::uint64_t ran_ = 0;
  std::map<std::pair<Clock::time_point, std::uint64_t>, Event> events_;
};

}  // namespace sluice::sim
