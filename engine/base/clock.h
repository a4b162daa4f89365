#pragma once

#include <chrono>
#include <thread>

/// The clocks of the engine. Everything in engine/ that asks for the time asks here, so that a
/// simulation can give a thread another time (TimeSource).
namespace sluice {

/// A time other than the system's, for tests. One thread.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  /// Never goes back.
  virtual std::chrono::steady_clock::time_point steady_now() = 0;
  /// May jump, as a clock that somebody sets.
  virtual std::chrono::system_clock::time_point wall_now() = 0;
  /// Returns once steady_now() is `when` or later; whatever else happens in that time happens
  /// meanwhile, on the caller's thread.
  virtual void pass_until(std::chrono::steady_clock::time_point when) = 0;
};

/// Makes `source` the time of the calling thread for as long as it lives; the system's clocks are
/// that of every other thread. Not owned; outlives this.
class ScopedTimeSource {
 public:
  explicit ScopedTimeSource(TimeSource& source) : before_(current_) { current_ = &source; }
  ~ScopedTimeSource() { current_ = before_; }
  ScopedTimeSource(const ScopedTimeSource&) = delete;
  ScopedTimeSource& operator=(const ScopedTimeSource&) = delete;

  /// Null: the system's clocks.
  static TimeSource* current() { return current_; }

 private:
  inline static thread_local TimeSource* current_ = nullptr;
  TimeSource* const before_;
};

/// For durations and deadlines: the monotonic clock. Any thread.
inline std::chrono::steady_clock::time_point steady_now() {
  TimeSource* const source = ScopedTimeSource::current();
  return source != nullptr ? source->steady_now() : std::chrono::steady_clock::now();
}

/// For what people and servers read: the time of day. Any thread.
inline std::chrono::system_clock::time_point wall_now() {
  TimeSource* const source = ScopedTimeSource::current();
  return source != nullptr ? source->wall_now() : std::chrono::system_clock::now();
}

/// Waits on the caller's thread. Any thread.
inline void sleep_until(std::chrono::steady_clock::time_point when) {
  if (TimeSource* const source = ScopedTimeSource::current())
    source->pass_until(when);
  else
    std::this_thread::sleep_until(when);
}

}  // namespace sluice
