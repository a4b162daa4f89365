#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

/// A mutex with annotations for clang's thread-safety analysis, which libstdc++'s std::mutex does
/// not have: accessing a field declared SLUICE_GUARDED_BY(mutex_) without the mutex fails the clang
/// build. https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
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

/// For ThreadSanitizer: declares that everything before tsan_release(address) happens before
/// everything after tsan_acquire(address). Needed where uninstrumented libraries (oneTBB)
/// synchronise. No effect in other builds.
inline void tsan_release([[maybe_unused]] void* address) {
#if defined(SLUICE_THREAD_SANITIZER)
  __tsan_release(address);
#endif
}
inline void tsan_acquire([[maybe_unused]] void* address) {
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

/// Holds a Mutex for a scope. A wait on a CondVar, or unlock() and lock(), may release it in
/// between.
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

/// A condition variable for Mutex. Wake-ups may be spurious: call wait() in a loop.
class CondVar {
 public:
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

  void wait(Mutex& mutex) SLUICE_REQUIRES(mutex) { condition_.wait(mutex); }

  /// Returns false on a timeout.
  template <class Clock, class Duration>
  bool wait_until(Mutex& mutex, std::chrono::time_point<Clock, Duration> deadline)
      SLUICE_REQUIRES(mutex) {
    return condition_.wait_until(mutex, deadline) == std::cv_status::no_timeout;
  }

 private:
  std::condition_variable_any condition_;
};

}  // namespace sluice
