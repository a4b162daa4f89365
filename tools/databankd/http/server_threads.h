#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <utility>

#include "io/sync.h"

namespace sluice::databankd {

/// Simulates the limited threads of an application server such as Puma, assigned in the order of
/// requests. (This program itself has a thread for each connection.)
///
/// Each request holds one thread, from its headers to its response. Today's Data Bank checks the
/// token of a tus request by an HTTP request to itself, so such a request briefly needs a second
/// thread at its beginning. If all threads are held by requests that wait for this, they block each
/// other until the check times out. Any thread.
class ServerThreads {
 public:
  struct Options {
    std::size_t count = 0;  ///< 0: no limit
    /// How long a request waits for the second thread.
    std::chrono::microseconds wait = std::chrono::seconds(120);
  };

  /// Holds one thread until destroyed; empty without a limit.
  class Held {
   public:
    Held() = default;
    explicit Held(ServerThreads& threads) : threads_(&threads) {}
    Held(Held&& other) noexcept : threads_(std::exchange(other.threads_, nullptr)) {}
    Held& operator=(Held&& other) noexcept {
      std::swap(threads_, other.threads_);
      return *this;
    }
    ~Held() {
      if (threads_ != nullptr) threads_->release();
    }

   private:
    ServerThreads* threads_ = nullptr;
  };

  explicit ServerThreads(Options options) : options_(options), free_(options.count) {}

  /// Blocks until a thread is free. Returns an empty object after end().
  Held take();

  /// Takes and releases a second thread, for the token check. Returns false if none was free within
  /// Options::wait, or after end(): the valid token is then refused.
  bool take_second();

  /// Wakes all waiting requests: the server ends.
  void end();

  /// Returns how many requests wait for a thread.
  std::size_t waiting() const;

 private:
  using Clock = std::chrono::steady_clock;

  bool wait_for_one(Clock::time_point deadline);
  void release();
  void assign_threads() SLUICE_REQUIRES(mutex_);

  const Options options_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::size_t free_ SLUICE_GUARDED_BY(mutex_);
  std::list<bool*> queue_ SLUICE_GUARDED_BY(mutex_);  ///< set to true when a thread is assigned
  bool ended_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::databankd
