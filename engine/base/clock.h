#pragma once

#include <chrono>
#include <thread>

/// The clocks of the engine. All code in engine/ reads the time through these functions, so that a
/// simulation can replace the time of a thread (TimeSource).
namespace sluice {

/// A replacement for the system's clocks, for tests. One thread.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  /// Returns the simulated monotonic time, which never decreases.
  virtual std::chrono::steady_clock::time_point steady_now() = 0;
  /// Returns the simulated time of day, which may jump forwards or backwards.
  virtual std::chrono::system_clock::time_point wall_now() = 0;
  /// Blocks until steady_now() is `when` or later. Runs the simulated events of that interval on
  /// the caller's thread.
  virtual void pass_until(std::chrono::steady_clock::time_point when) = 0;
};

/// Makes `source` the clock of the calling thread for the lifetime of this object. All other
/// threads keep the system's clocks. Does not own `source`, which must outlive this object. Scopes
/// may be nested.
class ScopedTimeSource {
 public:
  explicit ScopedTimeSource(TimeSource& source) : before_(current_) { current_ = &source; }
  ~ScopedTimeSource() { current_ = before_; }
  ScopedTimeSource(const ScopedTimeSource&) = delete;
  ScopedTimeSource& operator=(const ScopedTimeSource&) = delete;

  /// Returns the calling thread's time source; null if the thread uses the system's clocks.
  static TimeSource* current() { return current_; }

 private:
  inline static thread_local TimeSource* current_ = nullptr;
  TimeSource* const before_;
};

/// Returns the monotonic time, for durations and deadlines. Any thread.
inline std::chrono::steady_clock::time_point steady_now() {
  TimeSource* const source = ScopedTimeSource::current();
  return source != nullptr ? source->steady_now() : std::chrono::steady_clock::now();
}

/// Returns the time of day, for texts and messages that people and servers read. Any thread.
inline std::chrono::system_clock::time_point wall_now() {
  TimeSource* const source = ScopedTimeSource::current();
  return source != nullptr ? source->wall_now() : std::chrono::system_clock::now();
}

/// Blocks the caller's thread until `when`. Any thread.
inline void sleep_until(std::chrono::steady_clock::time_point when) {
  if (TimeSource* const source = ScopedTimeSource::current())
    source->pass_until(when);
  else
    std::this_thread::sleep_until(when);
}

}  // namespace sluice
