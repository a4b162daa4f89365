#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

/// A mutex that clang's thread-safety analysis understands (libstdc++'s carries no annotations), so
/// that a field declared SLUICE_GUARDED_BY(mutex_) and touched without it fails the clang build.
/// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#if defined(__clang__)
#define SLUICE_ATTRIBUTE(x) __attribute__((x))
#else
#define SLUICE_ATTRIBUTE(x)
#endif
#define SLUICE_CAPABILITY(x) SLUICE_ATTRIBUTE(capability(x))
#define SLUICE_SCOPED_CAPABILITY SLUICE_ATTRIBUTE(scoped_lockable)
#define SLUICE_GUARDED_BY(x) SLUICE_ATTRIBUTE(guarded_by(x))
#define SLUICE_REQUIRES(...) SLUICE_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define SLUICE_ACQUIRE(...) SLUICE_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define SLUICE_RELEASE(...) SLUICE_ATTRIBUTE(release_capability(__VA_ARGS__))
#define SLUICE_EXCLUDES(...) SLUICE_ATTRIBUTE(locks_excluded(__VA_ARGS__))

#if defined(__SANITIZE_THREAD__)
#define SLUICE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_THREAD_SANITIZER 1
#endif
#endif
#if defined(SLUICE_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace sluice {

/// Tell the thread sanitizer that what happened before hand_over(address) happens before what
/// follows take_over(address), where a library that it does not see into (oneTBB) orders the two.
/// Nothing else in other builds.
inline void hand_over([[maybe_unused]] void* address) {
#if defined(SLUICE_THREAD_SANITIZER)
  __tsan_release(address);
#endif
}
inline void take_over([[maybe_unused]] void* address) {
#if defined(SLUICE_THREAD_SANITIZER)
  __tsan_acquire(address);
#endif
}

class SLUICE_CAPABILITY("mutex") Mutex {
 public:
  void lock() SLUICE_ACQUIRE() { mutex_.lock(); }
  void unlock() SLUICE_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope. A CondVar may let go of it meanwhile; unlock() and lock() may too.
class SLUICE_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SLUICE_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() SLUICE_RELEASE() {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void unlock() SLUICE_RELEASE() {
    mutex_.unlock();
    held_ = false;
  }
  void lock() SLUICE_ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

/// A condition variable for Mutex. Callers loop on their condition, as spurious wake-ups happen.
class CondVar {
 public:
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

  void wait(Mutex& mutex) SLUICE_REQUIRES(mutex) { condition_.wait(mutex); }

  /// Returns false when the time had passed.
  template <class Clock, class Duration>
  bool wait_until(Mutex& mutex, std::chrono::time_point<Clock, Duration> deadline)
      SLUICE_REQUIRES(mutex) {
    return condition_.wait_until(mutex, deadline) == std::cv_status::no_timeout;
  }

 private:
  std::condition_variable_any condition_;
};

}  // namespace sluice
